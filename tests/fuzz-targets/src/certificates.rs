//! Certificates.

use chrono::{DateTime, Utc};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use tls_certificates::x509::{
    Authorities, Chain, InvalidPem, Purpose, WarnBefore, certificates as read_certificates,
};

use crate::input::Input;

/// Longest text about a name, in bytes: 256 characters and a mark.
const LONGEST_NAME: usize = 257 * 4;

/// File of certificates, in PEM or DER form.
///
/// Input: true for DER; the file.
pub fn certificates(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_der = input.byte() & 1 == 1;
    let content = input.rest();
    if is_der {
        if let Ok(certificate) = X509::from_der(content) {
            assert_is_judged(&[certificate]);
        }
        return;
    }
    match read_certificates(content) {
        Ok(found) => {
            assert!(!found.is_empty());
            assert_is_judged(&found);
            let twice = [content, b"\n", content].concat();
            assert_eq!(
                read_certificates(&twice).map(|twice| twice.len()),
                Ok(found.len() * 2)
            );
        }
        Err(InvalidPem::Der) => assert!(X509::from_der(content).is_ok()),
        Err(_) => {}
    }
}

fn assert_is_judged(certificates: &[X509]) {
    let now: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    if let Ok(chain) = Chain::read(certificates) {
        for certificate in [chain.leaf(), chain.first_to_end(), chain.last_to_begin()] {
            let texts = [
                &certificate.subject,
                &certificate.issuer,
                &certificate.serial,
            ];
            for text in texts {
                assert!(text.len() <= LONGEST_NAME && !text.contains(char::is_control));
            }
            let _ = certificate.covers(now);
            let _ = WarnBefore::AtMost(certificate.lifetime()).of(certificate);
        }
        assert!(chain.first_to_end().not_after <= chain.leaf().not_after);
        assert!(chain.last_to_begin().not_before >= chain.leaf().not_before);
    }
    let mut store = X509StoreBuilder::new().unwrap();
    for certificate in certificates {
        // One that comes twice is an error.
        let _ = store.add_cert(certificate.clone());
    }
    let authorities = Authorities::of_store(&store.build());
    for purpose in [
        Purpose::Any,
        Purpose::PostgreSql("orders-rw.databases.svc".parse().unwrap()),
        Purpose::Web("s3.example.org".parse().unwrap()),
        Purpose::Web("10.0.0.1".parse().unwrap()),
    ] {
        let _ = authorities.verify(certificates, &purpose, now);
    }
}
