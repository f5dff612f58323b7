//! Comparison of the names in a certificate with a host, by the rules of libpq and of Barman's S3 client.

use core::net::IpAddr;

use openssl::nid::Nid;
use openssl::x509::X509Ref;

use super::Host;
use super::der::{AltName, alt_names};

/// A name that makes a client give up, whatever other names there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unacceptable;

/// Returns whether libpq takes a certificate for that of a host.
///
/// `pq_verify_peer_name_matches_certificate` in `fe-secure-common.c`, with what it calls there and in
/// `fe-secure-openssl.c`: the common name counts if there is no alternative name of the host's kind,
/// and each `dNSName` is compared with the host, even if that is an address.
pub(super) fn is_host_for_libpq(certificate: &X509Ref, host: &Host) -> bool {
    let (host, address) = (host.as_str(), host.address());
    let der = certificate.to_der().unwrap_or_default();
    let names = names(certificate, &der);
    for name in &names {
        let is_host = match name {
            AltName::Dns(name) => is_name_for_libpq(name, host),
            AltName::Ip(bytes) => is_address_for_libpq(bytes, address),
        };
        if is_host != Ok(false) {
            return is_host == Ok(true);
        }
    }
    let is_of_its_kind = |name: &AltName<'_>| matches!(name, AltName::Ip(_)) == address.is_some();
    let is_named = |name: &[u8]| is_name_for_libpq(name, host) == Ok(true);
    !names.iter().any(is_of_its_kind) && with_first_common_name(certificate, is_named)
}

/// `pq_verify_peer_name_matches_certificate_name`.
fn is_name_for_libpq(name: &[u8], host: &str) -> Result<bool, Unacceptable> {
    if name.contains(&0) {
        return Err(Unacceptable);
    }
    Ok(name.eq_ignore_ascii_case(host.as_bytes()) || is_wildcard_for(name, host))
}

/// `wildcard_certificate_match`: an asterisk stands for the first label.
fn is_wildcard_for(pattern: &[u8], host: &str) -> bool {
    let Some(rest) = pattern.strip_prefix(b"*").filter(|rest| rest.len() > 1) else {
        return false;
    };
    let dot = host.bytes().position(|byte| byte == b'.');
    let after_first_label = dot.and_then(|dot| host.as_bytes().get(dot..));
    rest.starts_with(b".")
        && dot != Some(0)
        && after_first_label.is_some_and(|after| after.eq_ignore_ascii_case(rest))
}

/// `pq_verify_peer_name_matches_certificate_ip`.
fn is_address_for_libpq(bytes: &[u8], host: Option<IpAddr>) -> Result<bool, Unacceptable> {
    match bytes.len() {
        4 | 16 => Ok(host.is_some_and(|host| is_address(bytes, host))),
        _ => Err(Unacceptable),
    }
}

/// Returns whether urllib3, which Barman's S3 client is built on, takes a certificate for that of a
/// host.
///
/// `match_hostname` in `urllib3/util/ssl_match_hostname.py`, with the names as Python's `getpeercert`
/// has them, and the common name taken into account, as botocore's TLS settings leave it.
pub(super) fn is_host_for_urllib3(certificate: &X509Ref, host: &Host) -> bool {
    let (host, address) = (host.as_str(), host.address());
    let host = host.trim_end_matches('.');
    let der = certificate.to_der().unwrap_or_default();
    let names = names(certificate, &der);
    for name in &names {
        let is_host = match (name, address) {
            (AltName::Dns(name), None) => is_name_for_urllib3(name, host),
            (AltName::Ip(bytes), Some(_)) if ![4, 16].contains(&bytes.len()) => Err(Unacceptable),
            (AltName::Ip(bytes), Some(address)) => Ok(is_address(bytes, address)),
            (AltName::Dns(_), Some(_)) | (AltName::Ip(_), None) => Ok(false),
        };
        if is_host != Ok(false) {
            return is_host == Ok(true);
        }
    }
    let is_named = |name: &[u8]| is_name_for_urllib3(name, host) == Ok(true);
    address.is_none() && names.is_empty() && with_any_common_name(certificate, is_named)
}

/// `_dnsname_match`: one asterisk may stand in the first label, for any part of it.
fn is_name_for_urllib3(name: &[u8], host: &str) -> Result<bool, Unacceptable> {
    let name = str::from_utf8(name).map_err(|_| Unacceptable)?;
    let (first, rest) = first_label(name);
    if first.matches('*').count() > 1 {
        return Err(Unacceptable);
    }
    let Some((before, after)) = first.split_once('*') else {
        return Ok(!name.is_empty() && name.to_lowercase() == host.to_lowercase());
    };
    let (label, rest_of_host) = first_label(host);
    let is_encoded = first.starts_with("xn--") || host.starts_with("xn--");
    let is_label = if first == "*" {
        !label.is_empty()
    } else if is_encoded {
        first.to_lowercase() == label.to_lowercase()
    } else {
        is_between(
            &label.to_lowercase(),
            &before.to_lowercase(),
            &after.to_lowercase(),
        )
    };
    let is_rest = rest.map(str::to_lowercase) == rest_of_host.map(str::to_lowercase);
    Ok(is_label && is_rest)
}

/// Returns the first label of a name, and the rest behind its dot.
fn first_label(name: &str) -> (&str, Option<&str>) {
    match name.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (name, None),
    }
}

/// Returns true if a label starts and ends with these texts, which do not overlap.
fn is_between(label: &str, start: &str, end: &str) -> bool {
    match label.strip_prefix(start) {
        Some(rest) => rest.ends_with(end),
        None => false,
    }
}

/// Returns the alternative names of a certificate; none if `OpenSSL` cannot make sense of them.
fn names<'a>(certificate: &X509Ref, der: &'a [u8]) -> Vec<AltName<'a>> {
    if certificate.subject_alt_names().is_none() {
        return Vec::new();
    }
    alt_names(der)
}

fn is_address(bytes: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => bytes == address.octets(),
        IpAddr::V6(address) => bytes == address.octets(),
    }
}

fn with_first_common_name(certificate: &X509Ref, is_host: impl Fn(&[u8]) -> bool) -> bool {
    let first = certificate
        .subject_name()
        .entries_by_nid(Nid::COMMONNAME)
        .next();
    first.is_some_and(|name| is_host(name.data().as_slice()))
}

fn with_any_common_name(certificate: &X509Ref, is_host: impl Fn(&[u8]) -> bool) -> bool {
    let mut names = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
    names.any(|name| {
        name.data()
            .to_string()
            .is_ok_and(|text| is_host(text.as_bytes()))
    })
}
