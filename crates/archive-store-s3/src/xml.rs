//! The elements of an XML document, one after another, without copies.
//!
//! Only for what stores of S3's kind write: a declaration, elements with attributes, texts, and
//! comments between them. All else is an error, up to the last byte: what XML has beside them
//! (CDATA, document types, processing instructions), and what is not XML. The SDK's reader drops
//! the rest of a document silently where it meets something malformed, so nothing may be taken
//! here that is malformed to it.
//!
//! A parser for all of XML costs as much for its events alone as this takes for a whole page.

use std::borrow::Cow;
use std::mem;

use memchr::memchr;

/// May begin a document, once.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum XmlError {
    /// Bytes that are no UTF-8.
    #[error("the XML is not in UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    /// A document that ends in the middle.
    #[error("the XML breaks off")]
    BreaksOff,
    /// Something that is not XML, or not in the XML that stores write.
    #[error("the XML has {0}")]
    Unexpected(&'static str),
}

/// A document, read as far as the elements that were asked for.
pub(super) struct Elements<'a> {
    /// What is still to be read.
    rest: &'a str,
    /// Names of the elements that are open, with their prefixes.
    open: Vec<&'a str>,
    /// Whether the element that was begun last is written as an empty one, and still open.
    is_empty: bool,
}

/// Begins or ends an element.
enum Tag<'a> {
    /// With the name of the element, without its prefix.
    Start(&'a str),
    End,
}

impl<'a> Elements<'a> {
    /// Reads up to the start of the root, whose name, without its prefix, comes with it.
    ///
    /// # Errors
    /// When what comes before the root makes no sense, or there is none.
    pub(super) fn open(document: &'a [u8]) -> Result<(Self, &'a str), XmlError> {
        let document = std::str::from_utf8(document)?;
        if has_forbidden_characters(document) {
            return Err(XmlError::Unexpected("characters that may not be in it"));
        }
        let document = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
        let rest = match document.strip_prefix("<?xml ") {
            None => document,
            Some(rest) => {
                let (declaration, rest) = rest.split_once("?>").ok_or(XmlError::BreaksOff)?;
                if !is_declaration(declaration) {
                    return Err(XmlError::Unexpected("a declaration that is malformed"));
                }
                rest
            }
        };
        let mut elements = Self { rest, open: Vec::new(), is_empty: false };
        match elements.tag()? {
            Tag::Start(root) => Ok((elements, root)),
            Tag::End => Err(XmlError::Unexpected("no root")),
        }
    }

    /// The name of the next child of the element that is open, without its prefix; `None` at the
    /// element's end.
    ///
    /// The child must be read to its end before the next one is asked for.
    ///
    /// # Errors
    /// When there is anything else.
    pub(super) fn next_child(&mut self) -> Result<Option<&'a str>, XmlError> {
        match self.tag()? {
            Tag::Start(name) => Ok(Some(name)),
            Tag::End => Ok(None),
        }
    }

    /// The text of the element that is open, up to its end; references as they are written.
    ///
    /// # Errors
    /// When there is anything but text in the element.
    pub(super) fn raw_text(&mut self) -> Result<&'a str, XmlError> {
        let text = if self.is_empty { "" } else { self.up_to_markup()? };
        // Not even a comment: the SDK takes only the text on one side of it.
        if !self.is_empty && !matches!(self.rest.as_bytes(), [b'<', b'/', ..]) {
            return Err(XmlError::Unexpected("something else in the place of a text"));
        }
        self.tag()?;
        Ok(text)
    }

    /// The text of the element that is open, up to its end.
    ///
    /// # Errors
    /// As [`Elements::raw_text`], and when a reference makes no sense.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, XmlError> {
        unescape(self.raw_text()?)
    }

    /// Reads to the end of the element that is open, whatever elements and texts it has.
    ///
    /// # Errors
    /// When it has anything else.
    pub(super) fn skip(&mut self) -> Result<(), XmlError> {
        let mut depth = 1_usize;
        while depth > 0 {
            if !self.is_empty {
                self.pass_over_texts()?;
            }
            match self.tag()? {
                Tag::Start(_) => depth += 1,
                Tag::End => depth -= 1,
            }
        }
        Ok(())
    }

    /// Makes sure that nothing follows the root, whose end was read.
    ///
    /// # Errors
    /// When something does.
    pub(super) fn close(mut self) -> Result<(), XmlError> {
        self.pass_over()?;
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(XmlError::Unexpected("something behind its end"))
        }
    }

    /// The next tag; an empty element has two.
    fn tag(&mut self) -> Result<Tag<'a>, XmlError> {
        if mem::take(&mut self.is_empty) {
            self.open.pop();
            return Ok(Tag::End);
        }
        self.pass_over()?;
        if self.rest.is_empty() {
            return Err(XmlError::BreaksOff);
        }
        let Some(markup) = behind(self.rest, b'<') else {
            return Err(XmlError::Unexpected("a text between the elements"));
        };
        // Tags are so short that a search for their ends does not pay.
        let end = markup.bytes().position(|byte| byte == b'>').ok_or(XmlError::BreaksOff)?;
        let (tag, rest) = markup.split_at(end);
        self.rest = behind(rest, b'>').unwrap_or_default();
        match behind(tag, b'/') {
            Some(name) => self.end(name),
            None => self.start(tag),
        }
    }

    fn start(&mut self, tag: &'a str) -> Result<Tag<'a>, XmlError> {
        self.is_empty = tag.as_bytes().last() == Some(&b'/');
        let inner = tag.get(..tag.len() - usize::from(self.is_empty)).unwrap_or_default();
        let (name, local) = if is_plain(inner) {
            (inner, inner)
        } else {
            let (name, _) = name_and_attributes(inner)
                .ok_or(XmlError::Unexpected("something that is no sound tag"))?;
            (name, name.split_once(':').map_or(name, |(_, local)| local))
        };
        self.open.push(name);
        Ok(Tag::Start(local))
    }

    fn end(&mut self, name: &str) -> Result<Tag<'a>, XmlError> {
        if self.open.pop() == Some(name.trim_end_matches(is_blank)) {
            Ok(Tag::End)
        } else {
            Err(XmlError::Unexpected("an end of an element that is not open"))
        }
    }

    /// What comes before the next tag or comment.
    fn up_to_markup(&mut self) -> Result<&'a str, XmlError> {
        let at = memchr(b'<', self.rest.as_bytes()).ok_or(XmlError::BreaksOff)?;
        let (text, rest) = self.rest.split_at(at);
        self.rest = rest;
        Ok(text)
    }

    /// Passes over what may stand between elements: blanks and comments.
    fn pass_over(&mut self) -> Result<(), XmlError> {
        loop {
            // Mostly, a tag follows at once.
            if matches!(self.rest.as_bytes(), [b'<', next, ..] if *next != b'!') {
                return Ok(());
            }
            self.rest = self.rest.trim_start_matches(is_blank);
            let Some(comment) = self.rest.strip_prefix("<!--") else {
                return Ok(());
            };
            let (text, rest) = comment.split_once("-->").ok_or(XmlError::BreaksOff)?;
            if text.contains("--") || text.ends_with('-') {
                return Err(XmlError::Unexpected("a comment that is malformed"));
            }
            self.rest = rest;
        }
    }

    /// Passes over what may stand between elements that have no meaning here: texts, too.
    fn pass_over_texts(&mut self) -> Result<(), XmlError> {
        loop {
            self.up_to_markup()?;
            if !self.rest.starts_with("<!--") {
                return Ok(());
            }
            self.pass_over()?;
        }
    }
}

/// A text without its references.
///
/// # Errors
/// When something is meant to be a reference, but is none.
pub(super) fn unescape(text: &str) -> Result<Cow<'_, str>, XmlError> {
    if !any(text, |byte| byte == b'&') {
        return Ok(Cow::Borrowed(text));
    }
    let mut pieces = text.split('&');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let malformed = || XmlError::Unexpected("a reference that is malformed");
        let (name, rest) = piece.split_once(';').ok_or_else(malformed)?;
        plain.push(referenced(name).ok_or_else(malformed)?);
        plain.push_str(rest);
    }
    Ok(Cow::Owned(plain))
}

/// The character that a reference stands for, by its name or number.
fn referenced(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

/// Whether there are characters that no XML document may have, or not outside of CDATA.
fn has_forbidden_characters(document: &str) -> bool {
    any(document, |byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
        || !document.is_ascii() && document.contains(['\u{fffe}', '\u{ffff}'])
        || document.contains("]]>")
}

/// Whether any byte is one of those. Goes on to the end, and so many bytes at once.
fn any(text: &str, is_it: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |found, byte| found | is_it(byte))
}

/// What is behind an ASCII character with which a text begins; `None` if it does not.
///
/// `str::strip_prefix` calls a comparison of memory for the one byte: a quarter of a scan's time.
fn behind(text: &str, first: u8) -> Option<&str> {
    if text.as_bytes().first() == Some(&first) { text.get(1..) } else { None }
}

/// Whether the inside of a tag is nothing but a name without a prefix, as most are.
fn is_plain(tag: &str) -> bool {
    !tag.is_empty() && !any(tag, |byte| !byte.is_ascii_alphabetic())
}

/// Whether the inside of an XML declaration, behind its name, is one.
fn is_declaration(inside: &str) -> bool {
    let is_version = |text: &str| {
        text.strip_prefix("1.").is_some_and(|minor| minor.bytes().all(|c| c.is_ascii_digit()))
    };
    let is_encoding = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    let parts = attributes(inside);
    match parts.as_deref() {
        Some([("version", version), rest @ ..]) if is_version(version) => match rest {
            [] => true,
            [("encoding", encoding)] | [("encoding", encoding), ("standalone", "yes" | "no")] => {
                is_encoding(encoding)
            }
            _ => false,
        },
        _ => false,
    }
}

/// The name in a start tag, and its attributes; `None` if the tag is malformed.
fn name_and_attributes(tag: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let (name, rest) = tag.split_at(tag.find(is_blank).unwrap_or(tag.len()));
    is_name(name).then_some((name, attributes(rest)?))
}

/// Names and values of attributes; `None` if they are malformed.
///
/// References and `>` in a value count as malformed: no store has any there.
fn attributes(mut rest: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_blank);
        if rest.is_empty() {
            return Some(found);
        }
        let (name, value) = rest.split_once('=')?;
        let (name, value) = (name.trim_end_matches(is_blank), value.trim_start_matches(is_blank));
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value.strip_prefix(quote)?.split_once(quote)?;
        let is_apart = after.is_empty() || after.starts_with(is_blank);
        if !is_name(name) || value.contains(['<', '&']) || !is_apart {
            return None;
        }
        found.push((name, value));
        rest = after;
    }
}

/// Whether it is a name of ASCII characters, with a prefix or without.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'))
    };
    match text.split_once(':') {
        Some((prefix, local)) => is_part(prefix) && is_part(local),
        None => is_part(text),
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
