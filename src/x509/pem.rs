//! Certificates in PEM form (RFC 7468).

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// As many as a line of dashes may have that is no cut off `BEGIN`.
const DASHES: usize = 5;

/// Why a file holds no certificates in PEM form.
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
    /// PEM, such as a key, and no certificate in it.
    #[error("expected a certificate in PEM form, found only other things, such as a key")]
    NoCertificate,
    /// A certificate that does not end.
    #[error("certificate {0} in the file is cut off: its `{END}` is missing")]
    CutOff(usize),
    /// A certificate whose text makes no sense.
    #[error("the text of certificate {0} in the file is no base64")]
    Garbled(usize),
}

/// Every certificate of a file, in its order; at least one.
///
/// Whatever else stands in it, such as a key, is passed over and not decoded.
///
/// # Errors
/// When there is none, or one of them makes no sense.
pub fn certificates(content: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    if content.iter().all(u8::is_ascii_whitespace) {
        return Err(InvalidPem::Empty);
    }
    let text = String::from_utf8_lossy(content);
    let mut certificates = Vec::new();
    let mut rest = text.as_ref();
    while let Some(begin) = rest.find(BEGIN) {
        let number = certificates.len() + 1;
        let section = rest.get(begin..).unwrap_or_default();
        let end = section.find(END).ok_or(InvalidPem::CutOff(number))? + END.len();
        let (section, after) = section.split_at_checked(end).ok_or(InvalidPem::CutOff(number))?;
        // The next one may begin before this one ends.
        if section.matches("-----BEGIN ").count() > 1 {
            return Err(InvalidPem::CutOff(number));
        }
        let certificate = CertificateDer::from_pem_slice(section.as_bytes());
        certificates.push(certificate.map_err(|_| InvalidPem::Garbled(number))?);
        rest = after;
    }
    // One more may begin, and the file end, before its first line does.
    let last = rest.lines().next_back().unwrap_or_default();
    if last.len() > DASHES && BEGIN.starts_with(last) {
        return Err(InvalidPem::CutOff(certificates.len() + 1));
    }
    if certificates.is_empty() { Err(why_none(content, &text)) } else { Ok(certificates) }
}

fn why_none(content: &[u8], text: &str) -> InvalidPem {
    if text.contains("-----BEGIN ") {
        InvalidPem::NoCertificate
    } else if x509_parser::parse_x509_certificate(content).is_ok() {
        InvalidPem::Der
    } else {
        InvalidPem::NotPem
    }
}
