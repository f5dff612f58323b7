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
    let Some(name) = only(name) else { return Vec::new() };
    let relative_names = elements(name.data);
    relative_names.iter().map(|relative| elements(relative.data).len()).collect()
}

/// Returns whether a certificate says that it is that of a CA.
pub(super) fn is_ca(certificate: &[u8]) -> bool {
    let constraints = extension(certificate, &BASIC_CONSTRAINTS).and_then(only);
    let first = constraints.and_then(|constraints| elements(constraints.data).into_iter().next());
    first.is_some_and(|first| first.tag() == Tag::Boolean && first.data != [0])
}

/// Returns the alternative names of a certificate's subject, in their order.
pub(super) fn alt_names(certificate: &[u8]) -> Vec<AltName<'_>> {
    let names = extension(certificate, &SUBJECT_ALT_NAME).and_then(only);
    let names = names.map(|names| elements(names.data)).unwrap_or_default();
    let of_context = names.into_iter().filter(|name| name.class() == Class::ContextSpecific);
    let known = of_context.filter_map(|name| match name.tag() {
        Tag(2) => Some(AltName::Dns(name.data)),
        Tag(7) => Some(AltName::Ip(name.data)),
        _ => None,
    });
    known.collect()
}

/// Returns the value of an extension.
fn extension<'a>(certificate: &'a [u8], id: &[u8]) -> Option<&'a [u8]> {
    let to_be_signed = elements(only(certificate)?.data).into_iter().next()?;
    let parts = elements(to_be_signed.data);
    let is_extensions =
        |part: &Any<'_>| part.class() == Class::ContextSpecific && part.tag() == Tag(3);
    let extensions = only(parts.into_iter().find(is_extensions)?.data)?;
    let mut parts = elements(extensions.data).into_iter().map(|extension| elements(extension.data));
    let parts = parts.find(|parts| parts.first().is_some_and(|first| first.data == id))?;
    Some(parts.last()?.data)
}

fn only(bytes: &[u8]) -> Option<Any<'_>> {
    Some(Any::from_ber(bytes).ok()?.1)
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
