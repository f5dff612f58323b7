//! Reader of the same documents on `quick-xml`, as strict as the exporter's own.
//!
//! `quick-xml` finds markup and pairs start and end tags. It lets much pass that is malformed:
//! forbidden characters, bad names, attributes that nobody reads, a declaration in the middle. This
//! reader refuses all that as the exporter's own does, and what stores do not write.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events are errors, whatever they are"
)]

use std::borrow::Cow;

use anyhow::{Result, bail, ensure};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use crate::xml::{
    attributes, has_forbidden_characters, is_blank, is_declaration, is_name, is_plain_name,
};

/// Optional first character of a document.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Document, read as far as the elements that were asked for.
pub(crate) struct QuickElements<'a> {
    /// The document without its byte order mark.
    document: &'a str,
    /// Reader of the document; its positions are those in `document`.
    reader: Reader<&'a [u8]>,
}

/// Start tag of an element.
pub(crate) struct QuickElement<'a> {
    tag: BytesStart<'a>,
    /// Length of the prefix in the name, with the colon.
    prefix_length: usize,
}

impl<'a> QuickElement<'a> {
    /// Checks a start tag, of which `quick-xml` looks at nothing but its end.
    fn new(tag: BytesStart<'a>) -> Result<Self> {
        if is_plain_name(&tag) {
            return Ok(Self {
                tag,
                prefix_length: 0,
            });
        }
        let name = tag.name().into_inner();
        ensure!(is_name(name), "a malformed name");
        ensure!(
            attributes(tag.attributes_raw()).is_some(),
            "malformed attributes"
        );
        let prefix_length = name.find(':').map_or(0, |colon| colon + 1);
        Ok(Self { tag, prefix_length })
    }
}

impl AsRef<str> for QuickElement<'_> {
    /// Returns the name without its prefix.
    fn as_ref(&self) -> &str {
        let name = self.tag.name().into_inner();
        name.get(self.prefix_length..).unwrap_or_default()
    }
}

impl<'a> QuickElements<'a> {
    /// Reads up to the start of the root.
    pub(crate) fn open(document: &'a [u8]) -> Result<(Self, QuickElement<'a>)> {
        let document = std::str::from_utf8(document)?;
        ensure!(!has_forbidden_characters(document), "forbidden characters");
        let mut reader = Reader::from_str(document);
        let config = reader.config_mut();
        config.check_comments = true;
        config.expand_empty_elements = true;
        // The reader passes over one byte order mark without counting it.
        let document = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
        if document.starts_with("<?xml ") {
            read_declaration(&mut reader)?;
        }
        let mut elements = Self { document, reader };
        match elements.next_child()? {
            Some(root) => Ok((elements, root)),
            None => bail!("no root"),
        }
    }

    /// Reads up to the next child of the open element; `None` at the element's end.
    pub(crate) fn next_child(&mut self) -> Result<Option<QuickElement<'a>>> {
        loop {
            match self.reader.read_event()? {
                Event::Start(tag) => return Ok(Some(QuickElement::new(tag)?)),
                Event::End(_) => return Ok(None),
                Event::Text(text) if text.chars().all(is_blank) => {}
                Event::Comment(_) => {}
                other => bail!("{other:?} between elements"),
            }
        }
    }

    /// Reads the text of the open element, up to the element's end; references stay as written.
    pub(crate) fn raw_text(&mut self) -> Result<&'a str> {
        let (text, _) = self.text_and_form()?;
        Ok(text)
    }

    /// Reads the text of the open element, up to the element's end.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>> {
        match self.text_and_form()? {
            (text, Form::Plain) => Ok(Cow::Borrowed(text)),
            (text, Form::Escaped) => Ok(unescape(text)?),
        }
    }

    fn text_and_form(&mut self) -> Result<(&'a str, Form)> {
        let start = self.position()?;
        let mut form = Form::Plain;
        loop {
            let end = self.position()?;
            match self.reader.read_event()? {
                Event::End(_) => {
                    let text = self.document.get(start..end);
                    return Ok((text.unwrap_or_default(), form));
                }
                Event::Text(_) => {}
                Event::GeneralRef(_) => form = Form::Escaped,
                other => bail!("{other:?} in the place of a text"),
            }
        }
    }

    /// Skips the open element up to its end, with all elements and texts in it.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.reader.read_event()? {
                Event::Start(tag) => {
                    QuickElement::new(tag)?;
                    depth += 1;
                }
                Event::End(_) => depth -= 1,
                Event::Text(_) | Event::GeneralRef(_) | Event::Comment(_) => {}
                other => bail!("{other:?} in an element"),
            }
        }
        Ok(())
    }

    /// Makes sure that nothing follows the root, which was read to its end.
    pub(crate) fn close(mut self) -> Result<()> {
        loop {
            match self.reader.read_event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if text.chars().all(is_blank) => {}
                Event::Comment(_) => {}
                other => bail!("{other:?} after the root"),
            }
        }
    }

    fn position(&self) -> Result<usize> {
        Ok(usize::try_from(self.reader.buffer_position())?)
    }
}

/// Form in which a text is written.
enum Form {
    /// Without references.
    Plain,
    /// With references.
    Escaped,
}

/// Reads the declaration, which `quick-xml` would take anywhere and in any form.
fn read_declaration(reader: &mut Reader<&[u8]>) -> Result<()> {
    let Event::Decl(declaration) = reader.read_event()? else {
        bail!("no declaration");
    };
    let inside = declaration.strip_prefix("xml").unwrap_or_default();
    ensure!(is_declaration(inside), "a malformed declaration");
    Ok(())
}
