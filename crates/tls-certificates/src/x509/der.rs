//! Parts of certificates that the `openssl` crate does not hand out, read from their DER form.

use asn1_rs::{Any, Class, FromBer, Tag};

/// Extension that says whether a certificate is that of a CA (RFC 5280, 4.2.1.9).
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];
/// Extension with alternative names of the subject (RFC 5280, 4.2.1.6).
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// Alternative name of a subject, of a kind that clients compare with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AltName<'a> {
    /// `dNSName`: bytes that should be ASCII.
    Dns(&'a [u8]),
    /// `iPAddress`: 4 or 16 bytes.
    Ip(&'a [u8]),
}

/// Returns the number of attributes in each relative name of a distinguished name.
pub(super) fn attributes_by_relative_name(name: &[u8]) -> Vec<usize> {
    let Some(name) = only(name) else {
        return Vec::new();
    };
    let mut numbers = Vec::new();
    for relative_name in elements(name.data) {
        let attributes = elements(relative_name.data);
        numbers.push(attributes.len());
    }
    numbers
}

/// Returns whether a certificate says that it is that of a CA.
pub(super) fn is_ca(certificate: &[u8]) -> bool {
    let constraints = extension(certificate, &BASIC_CONSTRAINTS);
    let Some(constraints) = constraints.and_then(only) else {
        return false;
    };
    match elements(constraints.data).first() {
        Some(first) => first.tag() == Tag::Boolean && first.data != [0],
        None => false,
    }
}

/// Returns the alternative names of a certificate's subject, in their order.
pub(super) fn alt_names(certificate: &[u8]) -> Vec<AltName<'_>> {
    let mut names = Vec::new();
    let extension = extension(certificate, &SUBJECT_ALT_NAME);
    let Some(sequence) = extension.and_then(only) else {
        return names;
    };
    for name in elements(sequence.data) {
        match (name.class(), name.tag()) {
            (Class::ContextSpecific, Tag(2)) => names.push(AltName::Dns(name.data)),
            (Class::ContextSpecific, Tag(7)) => names.push(AltName::Ip(name.data)),
            _ => {}
        }
    }
    names
}

/// Returns the value of an extension.
fn extension<'a>(certificate: &'a [u8], id: &[u8]) -> Option<&'a [u8]> {
    let certificate = elements(only(certificate)?.data);
    let to_be_signed = elements(certificate.first()?.data);
    let extensions = to_be_signed.iter().find(|part| is_extensions(part))?;
    let extensions = only(extensions.data)?;
    for extension in elements(extensions.data) {
        let parts = elements(extension.data);
        if parts.first().is_some_and(|first| first.data == id) {
            return Some(parts.last()?.data);
        }
    }
    None
}

fn is_extensions(part: &Any<'_>) -> bool {
    part.class() == Class::ContextSpecific && part.tag() == Tag(3)
}

/// Returns the first value of some bytes.
fn only(bytes: &[u8]) -> Option<Any<'_>> {
    let (_, value) = Any::from_ber(bytes).ok()?;
    Some(value)
}

/// Returns what a constructed value holds, up to the first part that cannot be read.
fn elements(mut content: &[u8]) -> Vec<Any<'_>> {
    let mut elements = Vec::new();
    while let Ok((rest, element)) = Any::from_ber(content) {
        elements.push(element);
        content = rest;
    }
    elements
}
