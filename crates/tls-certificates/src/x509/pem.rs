//! Certificates in PEM form (RFC 7468).

use openssl::x509::X509;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Labels of certificates that `OpenSSL` takes (`check_pem` in `crypto/pem/pem_lib.c`).
const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// Maximum number of dashes in a line that is not a truncated `BEGIN`.
const DASHES: usize = 5;

/// Reason why a file holds no certificates in PEM form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPem {
    /// Nothing, or white space.
    #[error("the file is empty")]
    Empty,
    /// A certificate in binary form.
    #[error("expected a certificate in PEM form, found one in DER form: convert it")]
    Der,
    /// Something else altogether.
    #[error("expected a certificate in PEM form, `{BEGIN}`, found something else")]
    NotPem,
    /// PEM, such as a key, without a certificate.
    #[error("expected a certificate in PEM form, found only other things, such as a key")]
    NoCertificate,
    /// A certificate that does not end.
    #[error("certificate {0} in the file is truncated: its `{END}` is missing")]
    CutOff(usize),
    /// A certificate whose text makes no sense.
    #[error("certificate {0} in the file is not valid base64")]
    Garbled(usize),
    /// Something else under a certificate's label.
    #[error("certificate {0} in the file is not an X.509 certificate")]
    NotX509(usize),
}

/// Returns every certificate of a file, in its order; at least one.
///
/// Anything else in it, such as a key, is skipped and not decoded.
///
/// # Errors
/// If there is none, or one of them makes no sense.
pub fn certificates(content: &[u8]) -> Result<Vec<X509>, InvalidPem> {
    if content.iter().all(u8::is_ascii_whitespace) {
        return Err(InvalidPem::Empty);
    }
    let text = String::from_utf8_lossy(content);
    let mut certificates = Vec::new();
    let mut rest = text.as_ref();
    while let Some((label, after)) = next_begin(rest) {
        let number = certificates.len() + 1;
        let end = format!("-----END {label}-----");
        let (inner, after) = after.split_once(&end).ok_or(InvalidPem::CutOff(number))?;
        // The next one may begin before this one ends.
        if inner.contains("-----BEGIN ") {
            return Err(InvalidPem::CutOff(number));
        }
        certificates.push(decoded(inner, number)?);
        rest = after;
    }
    // One more may begin, and the file end, before its first line does.
    let last = rest.lines().next_back().unwrap_or_default();
    if last.len() > DASHES && BEGIN.starts_with(last) {
        return Err(InvalidPem::CutOff(certificates.len() + 1));
    }
    if certificates.is_empty() {
        Err(why_none(content, &text))
    } else {
        Ok(certificates)
    }
}

/// Returns the label of the next certificate, and what follows its `BEGIN`.
fn next_begin(text: &str) -> Option<(&'static str, &str)> {
    let begins = LABELS.iter().filter_map(|label| {
        let begin = format!("-----BEGIN {label}-----");
        let place = text.find(&begin)?;
        Some((place, *label, text.get(place + begin.len()..)?))
    });
    let (_, label, after) = begins.min_by_key(|(place, ..)| *place)?;
    Some((label, after))
}

/// Decodes what stands between `BEGIN` and `END`. Settings of trust behind a trusted certificate are
/// not part of it.
fn decoded(inner: &str, number: usize) -> Result<X509, InvalidPem> {
    X509::from_pem(format!("{BEGIN}{inner}{END}\n").as_bytes()).map_err(|errors| {
        let is_of_pem = errors
            .errors()
            .iter()
            .any(|error| error.library() == Some("PEM routines"));
        let is_of_asn1 = errors.errors().len() > 1;
        if is_of_pem && !is_of_asn1 {
            InvalidPem::Garbled(number)
        } else {
            InvalidPem::NotX509(number)
        }
    })
}

fn why_none(content: &[u8], text: &str) -> InvalidPem {
    if text.contains("-----BEGIN ") {
        InvalidPem::NoCertificate
    } else if X509::from_der(content).is_ok() {
        InvalidPem::Der
    } else {
        InvalidPem::NotPem
    }
}
