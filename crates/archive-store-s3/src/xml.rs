//! Elements of an XML document, one after another, without copies.
//!
//! The reader takes what stores of S3's kind write: a declaration, elements with attributes, texts,
//! and comments between elements. All else is an error, up to the last byte of the document: the
//! rest of XML (CDATA, document types, processing instructions), and what is not XML. The SDK's
//! reader silently drops the rest of a document after something malformed, so nothing may be taken
//! here that is malformed to the SDK.
//!
//! A library would cost too much: an equally strict reader on `quick-xml` 0.42 takes twice as long
//! (0.71 ms for a page of 1,000 objects, not 0.34), which adds 30 % to the processor time of a full
//! scan (`benches/decoding`, figures in `benches/RESULTS.md`).

use std::borrow::Cow;
use std::mem;

use memchr::memchr;

/// Optional first character of a document.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reason why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum XmlError {
    /// Bytes that are not UTF-8.
    #[error("the XML is not in UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    /// End of the document before the end of its root.
    #[error("the XML is truncated")]
    BreaksOff,
    /// Something that is not XML, or not in the XML that stores write.
    #[error("the XML has {0}")]
    Unexpected(&'static str),
}

/// Document, read as far as the elements that were asked for.
pub(super) struct Elements<'a> {
    /// Part of the document that is still to be read.
    rest: &'a str,
    /// Names of the open elements, with their prefixes.
    open: Vec<&'a str>,
    /// Mark of an empty element (`<Key/>`): it is still open, but has no end tag in `rest`.
    is_empty: bool,
}

/// Start or end of an element.
enum Tag<'a> {
    /// Start of an element of this name, without its prefix.
    Start(&'a str),
    /// End of the element that was started last.
    End,
}

impl<'a> Elements<'a> {
    /// Reads up to the start of the root, and returns the root's name too, without its prefix.
    ///
    /// # Errors
    /// If there is no root, or something before it that stores do not write.
    pub(super) fn open(document: &'a [u8]) -> Result<(Self, &'a str), XmlError> {
        let document = std::str::from_utf8(document)?;
        if has_forbidden_characters(document) {
            return Err(XmlError::Unexpected("characters that may not be in it"));
        }
        let document = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
        let rest = skip_declaration(document)?;
        let mut elements = Self {
            rest,
            open: Vec::new(),
            is_empty: false,
        };
        match elements.next_tag()? {
            Tag::Start(root) => Ok((elements, root)),
            Tag::End => Err(XmlError::Unexpected("no root")),
        }
    }

    /// Returns the name of the next child of the open element, without its prefix; `None` at the
    /// element's end.
    ///
    /// The caller reads each child to its end before it asks for the next one.
    ///
    /// # Errors
    /// If there is anything but elements, blanks and comments.
    pub(super) fn next_child(&mut self) -> Result<Option<&'a str>, XmlError> {
        match self.next_tag()? {
            Tag::Start(name) => Ok(Some(name)),
            Tag::End => Ok(None),
        }
    }

    /// Reads the text of the open element, up to the element's end; references stay as written.
    ///
    /// # Errors
    /// If there is anything but text in the element.
    pub(super) fn raw_text(&mut self) -> Result<&'a str, XmlError> {
        let mut text = "";
        if !self.is_empty {
            text = self.take_text()?;
            // Not even a comment: the SDK takes only the text on one side of it.
            if !matches!(self.rest.as_bytes(), [b'<', b'/', ..]) {
                return Err(XmlError::Unexpected(
                    "something other than text in an element",
                ));
            }
        }
        self.next_tag()?;
        Ok(text)
    }

    /// Reads the text of the open element, up to the element's end.
    ///
    /// # Errors
    /// As [`Elements::raw_text`], and if a reference is malformed.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, XmlError> {
        let text = self.raw_text()?;
        unescape(text)
    }

    /// Skips the open element up to its end, with all elements and texts in it.
    ///
    /// # Errors
    /// If there is anything but elements, texts and comments.
    pub(super) fn skip(&mut self) -> Result<(), XmlError> {
        let mut depth = 1_usize;
        while depth > 0 {
            if !self.is_empty {
                self.skip_texts()?;
            }
            match self.next_tag()? {
                Tag::Start(_) => depth += 1,
                Tag::End => depth -= 1,
            }
        }
        Ok(())
    }

    /// Makes sure that nothing follows the root, which was read to its end.
    ///
    /// # Errors
    /// If there is anything but blanks and comments.
    pub(super) fn close(mut self) -> Result<(), XmlError> {
        self.skip_blanks()?;
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(XmlError::Unexpected("something after its end"))
        }
    }

    /// Reads the next tag; an empty element has two.
    fn next_tag(&mut self) -> Result<Tag<'a>, XmlError> {
        if mem::take(&mut self.is_empty) {
            self.open.pop();
            return Ok(Tag::End);
        }
        self.skip_blanks()?;
        if self.rest.is_empty() {
            return Err(XmlError::BreaksOff);
        }
        let Some(markup) = strip_first(self.rest, b'<') else {
            return Err(XmlError::Unexpected("a text between the elements"));
        };
        // Tags are too short for `memchr` to pay.
        let Some(length) = markup.bytes().position(|byte| byte == b'>') else {
            return Err(XmlError::BreaksOff);
        };
        let (tag, rest) = markup.split_at(length);
        self.rest = strip_first(rest, b'>').unwrap_or_default();
        match strip_first(tag, b'/') {
            Some(name) => self.end(name),
            None => self.start(tag),
        }
    }

    /// Opens the element of a start tag, given without its angle brackets.
    fn start(&mut self, tag: &'a str) -> Result<Tag<'a>, XmlError> {
        self.is_empty = tag.as_bytes().last() == Some(&b'/');
        let inner_length = tag.len() - usize::from(self.is_empty);
        let inner = tag.get(..inner_length).unwrap_or_default();
        if is_plain_name(inner) {
            self.open.push(inner);
            return Ok(Tag::Start(inner));
        }
        let (name, rest) = inner.split_at(inner.find(is_blank).unwrap_or(inner.len()));
        if !is_name(name) || attributes(rest).is_none() {
            return Err(XmlError::Unexpected("a malformed tag"));
        }
        self.open.push(name);
        match name.split_once(':') {
            Some((_, local_name)) => Ok(Tag::Start(local_name)),
            None => Ok(Tag::Start(name)),
        }
    }

    /// Closes the element that was opened last, whose name the end tag must repeat.
    fn end(&mut self, name: &str) -> Result<Tag<'a>, XmlError> {
        if self.open.pop() == Some(name.trim_end_matches(is_blank)) {
            Ok(Tag::End)
        } else {
            Err(XmlError::Unexpected("an end tag without its start tag"))
        }
    }

    /// Takes the text before the next tag or comment.
    fn take_text(&mut self) -> Result<&'a str, XmlError> {
        let Some(length) = memchr(b'<', self.rest.as_bytes()) else {
            return Err(XmlError::BreaksOff);
        };
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(text)
    }

    /// Skips blanks and comments, which may stand between elements.
    fn skip_blanks(&mut self) -> Result<(), XmlError> {
        loop {
            // Mostly, a tag follows at once.
            if matches!(self.rest.as_bytes(), [b'<', next, ..] if *next != b'!') {
                return Ok(());
            }
            self.rest = self.rest.trim_start_matches(is_blank);
            let Some(comment) = self.rest.strip_prefix("<!--") else {
                return Ok(());
            };
            let Some((text, rest)) = comment.split_once("-->") else {
                return Err(XmlError::BreaksOff);
            };
            if text.contains("--") || text.ends_with('-') {
                return Err(XmlError::Unexpected("a malformed comment"));
            }
            self.rest = rest;
        }
    }

    /// Skips texts and comments, up to the next tag.
    fn skip_texts(&mut self) -> Result<(), XmlError> {
        loop {
            self.take_text()?;
            if !self.rest.starts_with("<!--") {
                return Ok(());
            }
            self.skip_blanks()?;
        }
    }
}

/// Replaces the references in a text by the characters that they stand for.
///
/// # Errors
/// If an ampersand does not begin a reference to a character.
pub(super) fn unescape(text: &str) -> Result<Cow<'_, str>, XmlError> {
    if !any_byte(text, |byte| byte == b'&') {
        return Ok(Cow::Borrowed(text));
    }
    let mut pieces = text.split('&');
    let mut unescaped = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((character, rest)) = split_reference(piece) else {
            return Err(XmlError::Unexpected("a malformed reference"));
        };
        unescaped.push(character);
        unescaped.push_str(rest);
    }
    Ok(Cow::Owned(unescaped))
}

/// Splits a text that follows an ampersand into the character that is meant and what follows it;
/// `None` if it does not begin with a reference.
fn split_reference(text: &str) -> Option<(char, &str)> {
    let (name, rest) = text.split_once(';')?;
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => numbered_character(name.strip_prefix('#')?)?,
    };
    Some((character, rest))
}

/// Returns the character of this number, `65` or `x41`.
fn numbered_character(number: &str) -> Option<char> {
    let code = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// Returns true if there are characters that no XML document may have, or only in CDATA.
pub(super) fn has_forbidden_characters(document: &str) -> bool {
    any_byte(document, |byte| {
        byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
    }) || !document.is_ascii() && document.contains(['\u{fffe}', '\u{ffff}'])
        || document.contains("]]>")
}

/// Returns true if any byte fits. Looks at all of them without a branch, and so at many at once.
fn any_byte(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |found, byte| found | fits(byte))
}

/// Returns what follows an ASCII character at the start of a text; `None` if it is not there.
///
/// `str::strip_prefix` calls a comparison of memory for the one byte: a quarter of a scan's time.
fn strip_first(text: &str, first: u8) -> Option<&str> {
    if text.as_bytes().first() == Some(&first) {
        text.get(1..)
    } else {
        None
    }
}

/// Skips the XML declaration, if the document begins with one.
fn skip_declaration(document: &str) -> Result<&str, XmlError> {
    let Some(declaration) = document.strip_prefix("<?xml ") else {
        return Ok(document);
    };
    let Some((inside, rest)) = declaration.split_once("?>") else {
        return Err(XmlError::BreaksOff);
    };
    if is_declaration(inside) {
        Ok(rest)
    } else {
        Err(XmlError::Unexpected("a malformed declaration"))
    }
}

/// Returns true if the inside of an XML declaration, after its name, is well-formed.
pub(super) fn is_declaration(inside: &str) -> bool {
    let Some(attributes) = attributes(inside) else {
        return false;
    };
    match attributes.as_slice() {
        [("version", version)] => is_version(version),
        [("version", version), ("encoding", encoding)]
        | [
            ("version", version),
            ("encoding", encoding),
            ("standalone", "yes" | "no"),
        ] => is_version(version) && is_encoding(encoding),
        _ => false,
    }
}

fn is_version(text: &str) -> bool {
    let minor = text.strip_prefix("1.");
    minor.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_encoding(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns names and values of attributes; `None` if they are malformed.
///
/// References and `>` in a value count as malformed: stores do not write them there.
pub(super) fn attributes(mut rest: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_blank);
        if rest.is_empty() {
            return Some(found);
        }
        let (name, value) = rest.split_once('=')?;
        let name = name.trim_end_matches(is_blank);
        let value = value.trim_start_matches(is_blank);
        let quote = value
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '\''))?;
        let (value, after) = value.strip_prefix(quote)?.split_once(quote)?;
        let is_apart = after.is_empty() || after.starts_with(is_blank);
        if !is_name(name) || value.contains(['<', '>', '&']) || !is_apart {
            return None;
        }
        found.push((name, value));
        rest = after;
    }
}

/// Returns true if the inside of a tag is nothing but a name without a prefix, as most are.
pub(super) fn is_plain_name(tag: &str) -> bool {
    !tag.is_empty() && !any_byte(tag, |byte| !byte.is_ascii_alphabetic())
}

/// Returns true if the text is a name of ASCII characters, with a prefix or without.
pub(super) fn is_name(text: &str) -> bool {
    match text.split_once(':') {
        Some((prefix, local_name)) => is_local_name(prefix) && is_local_name(local_name),
        None => is_local_name(text),
    }
}

fn is_local_name(text: &str) -> bool {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts_well && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Returns true if the character is white space in XML.
pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}
