//! Pages, read by both readers in the way in which the exporter's decoder asks for elements.

use std::borrow::Cow;

use crate::pages::OBJECTS;
use crate::quick::{QuickElement, QuickElements};
use crate::xml::Elements;

/// Texts of an object that the exporter needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts<'a> {
    key: Cow<'a, str>,
    size: Cow<'a, str>,
    last_modified: Cow<'a, str>,
    /// Entity tag with its references, as the decoder asks for it.
    etag: &'a str,
    storage_class: Cow<'a, str>,
}

/// Reads a page with the exporter's own reader.
pub(crate) fn with_own_reader(page: &str) -> Vec<Texts<'_>> {
    read_page::<Elements<'_>>(page)
}

/// Reads a page with `quick-xml`.
pub(crate) fn with_quick_xml(page: &str) -> Vec<Texts<'_>> {
    read_page::<QuickElements<'_>>(page)
}

/// Reader of one document. An error is a panic: the pages are well-formed.
trait Reader<'a>: Sized {
    /// Name of an element, without its prefix.
    type Name: AsRef<str>;

    fn open(page: &'a str) -> Self;
    fn next_child(&mut self) -> Option<Self::Name>;
    fn raw_text(&mut self) -> &'a str;
    fn text(&mut self) -> Cow<'a, str>;
    fn skip(&mut self);
    fn close(self);
}

fn read_page<'a, R: Reader<'a>>(page: &'a str) -> Vec<Texts<'a>> {
    let mut reader = R::open(page);
    let mut objects = Vec::with_capacity(OBJECTS);
    while let Some(field) = reader.next_child() {
        match field.as_ref() {
            "Contents" => objects.push(read_object(&mut reader)),
            "EncodingType"
            | "IsTruncated"
            | "KeyCount"
            | "MaxKeys"
            | "Name"
            | "NextContinuationToken"
            | "Prefix" => drop(reader.text()),
            _ => reader.skip(),
        }
    }
    reader.close();
    objects
}

fn read_object<'a, R: Reader<'a>>(reader: &mut R) -> Texts<'a> {
    let mut texts = Texts::default();
    while let Some(field) = reader.next_child() {
        match field.as_ref() {
            "Key" => texts.key = reader.text(),
            "Size" => texts.size = reader.text(),
            "LastModified" => texts.last_modified = reader.text(),
            "ETag" => texts.etag = reader.raw_text(),
            "StorageClass" => texts.storage_class = reader.text(),
            "ChecksumAlgorithm" | "ChecksumType" => drop(reader.text()),
            "Owner" => read_owner(reader),
            _ => reader.skip(),
        }
    }
    texts
}

fn read_owner<'a, R: Reader<'a>>(reader: &mut R) {
    while let Some(field) = reader.next_child() {
        match field.as_ref() {
            "ID" | "DisplayName" => drop(reader.text()),
            _ => reader.skip(),
        }
    }
}

const WELL_FORMED: &str = "the page is well-formed";

impl<'a> Reader<'a> for Elements<'a> {
    type Name = &'a str;

    fn open(page: &'a str) -> Self {
        let (elements, _root) = Elements::open(page.as_bytes()).expect(WELL_FORMED);
        elements
    }

    fn next_child(&mut self) -> Option<Self::Name> {
        Elements::next_child(self).expect(WELL_FORMED)
    }

    fn raw_text(&mut self) -> &'a str {
        Elements::raw_text(self).expect(WELL_FORMED)
    }

    fn text(&mut self) -> Cow<'a, str> {
        Elements::text(self).expect(WELL_FORMED)
    }

    fn skip(&mut self) {
        Elements::skip(self).expect(WELL_FORMED);
    }

    fn close(self) {
        Elements::close(self).expect(WELL_FORMED);
    }
}

impl<'a> Reader<'a> for QuickElements<'a> {
    type Name = QuickElement<'a>;

    fn open(page: &'a str) -> Self {
        let (elements, _root) = QuickElements::open(page.as_bytes()).expect(WELL_FORMED);
        elements
    }

    fn next_child(&mut self) -> Option<Self::Name> {
        QuickElements::next_child(self).expect(WELL_FORMED)
    }

    fn raw_text(&mut self) -> &'a str {
        QuickElements::raw_text(self).expect(WELL_FORMED)
    }

    fn text(&mut self) -> Cow<'a, str> {
        QuickElements::text(self).expect(WELL_FORMED)
    }

    fn skip(&mut self) {
        QuickElements::skip(self).expect(WELL_FORMED);
    }

    fn close(self) {
        QuickElements::close(self).expect(WELL_FORMED);
    }
}
