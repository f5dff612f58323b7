//! Files and certificates that are damaged, or never were any.

use openssl::x509::X509;
use proptest::prelude::*;

use super::super::test_certificates::{now, version_1};
use super::super::*;
use super::named;

proptest! {
    #[test]
    fn no_file_makes_it_panic(content in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = certificates(&content);
        if let Ok(certificate) = X509::from_der(&content) {
            let _ = Chain::read(&[certificate]);
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in r"(-----(BEGIN|END) (CERTIFICATE|PRIVATE KEY)-----\n?|[A-Za-z0-9+/=]{0,9}\n|\PC){0,9}",
    ) {
        let _ = certificates(text.as_bytes());
    }

    /// One byte wrong at a time: in names, times, lengths, anywhere.
    #[test]
    fn no_damage_makes_it_panic(damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4)) {
        let (leaf, authority) = version_1();
        let mut bytes = leaf.certificate.to_der().unwrap();
        for (place, byte) in damage {
            let place = usize::from(place) % bytes.len();
            bytes[place] = byte;
        }
        let Ok(damaged) = X509::from_der(&bytes) else { return Ok(()) };
        let damaged = [damaged];
        if let Ok(chain) = Chain::read(&damaged) {
            prop_assert!(!chain.leaf().subject.contains(char::is_control));
            prop_assert!(chain.leaf().subject.chars().count() <= 257);
        }
        let authorities = Authorities::of(vec![authority.certificate]);
        let _ = authorities.verify(&damaged, &Purpose::PostgreSql(named("db.example")), now());
    }
}
