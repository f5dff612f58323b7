//! Certificates as they come: good ones, and all the others.

use proptest::prelude::*;
use rcgen::{DnType, DnValue, ExtendedKeyUsagePurpose, SanType, SerialNumber};
use rustls::pki_types::{CertificateDer, ServerName};

use super::made::{Authority, Made, leaf_params, now, params, version_1};
use super::*;

fn chain(pem: &str) -> Chain {
    Chain::read(&certificates(pem.as_bytes()).unwrap()).unwrap()
}

fn authorities(authority: &Authority) -> Authorities {
    Authorities::new(vec![authority.der()]).unwrap()
}

fn named(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

fn verify(made: &Made, authority: &Authority) -> Result<(), Untrusted> {
    authorities(authority).verify(std::slice::from_ref(&made.der), &Purpose::Any, now())
}

#[test]
fn a_file_may_hold_a_chain_and_a_key() {
    let root = Authority::new("root");
    let between = root.intermediate("between", (2030, 2032));
    let leaf = between.leaf();
    let text = format!("a note\n{}{}{}", leaf.key, leaf.pem, between.pem());

    let chain = chain(&text);

    assert_eq!(chain.leaf().subject, "CN=server");
    assert_eq!(chain.leaf().issuer, "CN=between");
    assert_eq!(chain.leaf().not_before, "2030-01-01T00:00:00Z".parse::<Moment>().unwrap());
    assert_eq!(chain.leaf().not_after, "2031-01-01T00:00:00Z".parse::<Moment>().unwrap());
    assert_eq!(chain.earliest(), chain.leaf());
}

type Moment = chrono::DateTime<chrono::Utc>;

#[test]
fn the_certificate_that_ends_first_need_not_be_the_leaf() {
    let root = Authority::new("root");
    let between = root.intermediate("between", (2029, 2030));
    let leaf = between.leaf();

    let chain = chain(&format!("{}{}{}", leaf.pem, between.pem(), root.pem()));

    assert_eq!(chain.earliest().subject, "CN=between");
    assert!(!chain.earliest().covers(now()) && chain.leaf().covers(now()));
}

#[test]
fn a_file_of_authorities_alone_is_read_too() {
    let text: String = ["a", "b", "c"].map(|name| Authority::new(name).pem()).concat();

    assert_eq!(chain(&text).leaf().subject, "CN=a");
}

#[test]
fn files_that_hold_no_certificates_say_why() {
    let leaf = Authority::new("root").leaf();
    let error = |content: &[u8]| certificates(content).unwrap_err();
    let cut_off = leaf.pem.get(..leaf.pem.len() / 2).unwrap();

    assert_eq!(error(b""), InvalidPem::Empty);
    assert_eq!(error(b" \n"), InvalidPem::Empty);
    assert_eq!(error(&leaf.der), InvalidPem::Der);
    assert_eq!(error(b"hello"), InvalidPem::NotPem);
    assert_eq!(error(&[0x30, 0x82, 1]), InvalidPem::NotPem);
    assert_eq!(error(leaf.key.as_bytes()), InvalidPem::NoCertificate);
    assert_eq!(error(cut_off.as_bytes()), InvalidPem::CutOff(1));
    assert_eq!(error(format!("{}{cut_off}", leaf.pem).as_bytes()), InvalidPem::CutOff(2));
    assert_eq!(error(format!("{cut_off}\n{}", leaf.pem).as_bytes()), InvalidPem::CutOff(1));
    assert_eq!(error(b"-----BEGIN CERT"), InvalidPem::CutOff(1));
    assert_eq!(error(format!("{}-----BEGIN C", leaf.pem).as_bytes()), InvalidPem::CutOff(2));
    assert!(certificates(format!("{}-----", leaf.pem).as_bytes()).is_ok());
    let garbled = leaf.pem.replacen("MII", "M?I", 1);
    assert_eq!(error(garbled.as_bytes()), InvalidPem::Garbled(1));
}

#[test]
fn an_old_key_with_headers_does_not_matter() {
    let leaf = Authority::new("root").leaf();
    let key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n\
               -----END RSA PRIVATE KEY-----\n";

    assert_eq!(certificates(format!("{key}{}", leaf.pem).as_bytes()).unwrap(), [leaf.der]);
}

#[test]
fn what_is_no_certificate_inside_is_told_by_its_place() {
    let good = Authority::new("root").leaf().der;
    let bad = CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01, 0x01]);

    assert_eq!(Chain::read(&[good, bad.clone()]), Err(InvalidCertificate::Senseless(2)));
    assert_eq!(Chain::read(&[]), Err(InvalidCertificate::None));
    assert_eq!(Authorities::new(vec![bad]).unwrap_err(), InvalidCertificate::Senseless(1));
}

#[test]
fn a_leaf_verifies_against_its_own_authority_alone() {
    let (root, rotated) = (Authority::new("root"), Authority::new("root"));
    let leaf = root.leaf();

    assert_eq!(verify(&leaf, &root), Ok(()));
    assert_eq!(verify(&leaf, &Authority::new("other")), Err(Untrusted::UnknownIssuer));
    // Of the same name, with another key.
    assert_eq!(verify(&leaf, &rotated), Err(Untrusted::Signature));
}

#[test]
fn several_authorities_may_stand_beside_each_other_while_they_are_rotated() {
    let (old, new) = (Authority::new("root"), Authority::new("root"));
    let both = Authorities::new(vec![old.der(), new.der()]).unwrap();

    for leaf in [old.leaf(), new.leaf()] {
        assert_eq!(both.verify(&[leaf.der], &Purpose::Any, now()), Ok(()));
    }
}

#[test]
fn an_intermediate_makes_the_chain() {
    let root = Authority::new("root");
    let between = root.intermediate("between", (2030, 2032));
    let leaf = between.leaf().der;
    let root = authorities(&root);

    let whole = root.verify(&[leaf.clone(), between.der()], &Purpose::Any, now());
    let alone = root.verify(&[leaf], &Purpose::Any, now());

    assert_eq!((whole, alone), (Ok(()), Err(Untrusted::UnknownIssuer)));
}

#[test]
fn nothing_verifies_outside_of_its_time() {
    let root = Authority::new("root");
    let leaf = |years| root.sign(&leaf_params("server", years));
    let ended = Authority::of_years("root", (2020, 2030));

    assert_eq!(verify(&leaf((2028, 2029)), &root), Err(Untrusted::Expired));
    assert_eq!(verify(&leaf((2031, 2032)), &root), Err(Untrusted::NotYet));
    assert_eq!(verify(&ended.leaf(), &ended), Err(Untrusted::AuthorityExpired));
    let between = root.intermediate("between", (2020, 2030));
    let chain = [between.leaf().der, between.der()];
    let verified = authorities(&root).verify(&chain, &Purpose::Any, now());
    assert_eq!(verified, Err(Untrusted::AuthorityExpired));
}

#[test]
fn names_count_in_handshakes_alone() {
    let root = Authority::new("root");
    let leaf = [root.leaf().der];
    let verify = |purpose| authorities(&root).verify(&leaf, &purpose, now());

    assert_eq!(verify(Purpose::PostgreSql(named("localhost"))), Ok(()));
    assert_eq!(verify(Purpose::Web(named("127.0.0.1"))), Ok(()));
    let wrong = Err(Untrusted::Name("orders-rw".to_owned()));
    assert_eq!(verify(Purpose::PostgreSql(named("orders-rw"))), wrong);
    assert_eq!(verify(Purpose::Web(named("orders-rw"))), wrong);
    // Its common name, which does not count beside alternative ones.
    assert!(verify(Purpose::PostgreSql(named("server"))).is_err());
}

#[test]
fn libpq_takes_the_common_name_where_there_is_no_other() {
    let root = Authority::new("root");
    let leaf = [root.sign(&params("*.databases.svc", (2030, 2031))).der];
    let verify = |purpose| authorities(&root).verify(&leaf, &purpose, now()).is_ok();

    assert!(verify(Purpose::PostgreSql(named("orders-rw.databases.svc"))));
    assert!(!verify(Purpose::PostgreSql(named("a.orders-rw.databases.svc"))));
    assert!(!verify(Purpose::PostgreSql(named("databases.svc"))));
    assert!(!verify(Purpose::Web(named("orders-rw.databases.svc"))));
}

#[test]
fn libpq_takes_the_first_common_name_beside_names_of_another_kind() {
    let root = Authority::new("root");
    let mut params = params("orders-rw", (2030, 2031));
    params.subject_alt_names = vec![SanType::IpAddress([10, 0, 0, 1].into())];
    let leaf = [root.sign(&params).der];
    let verify = |purpose| authorities(&root).verify(&leaf, &purpose, now()).is_ok();

    assert!(verify(Purpose::PostgreSql(named("orders-rw"))));
    assert!(verify(Purpose::PostgreSql(named("10.0.0.1"))));
    assert!(!verify(Purpose::PostgreSql(named("10.0.0.2"))));
    assert!(!verify(Purpose::Web(named("orders-rw"))));
}

#[test]
fn a_clients_certificate_is_good_in_a_file_and_not_for_a_server() {
    let root = Authority::new("root");
    let mut params = leaf_params("streaming_replica", (2030, 2031));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = [root.sign(&params).der];
    let verify = |purpose| authorities(&root).verify(&leaf, &purpose, now());

    assert_eq!(verify(Purpose::Any), Ok(()));
    assert_eq!(verify(Purpose::PostgreSql(named("localhost"))), Err(Untrusted::Usage));
}

#[test]
fn a_certificate_that_is_its_own_authority_verifies() {
    let own = Authority::new("localhost");
    let verify = |purpose, now| authorities(&own).verify(&[own.der()], &purpose, now);

    assert_eq!(verify(Purpose::Any, now()), Ok(()));
    assert_eq!(verify(Purpose::PostgreSql(named("localhost")), now()), Ok(()));
    assert!(verify(Purpose::Web(named("localhost")), now()).is_err());
    let later = "2041-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(verify(Purpose::Any, later), Err(Untrusted::Expired));
}

#[test]
fn a_leaf_does_not_vouch_for_itself_by_standing_in_the_ca_file() {
    let root = Authority::new("root");
    let leaf = [root.leaf().der];
    let between = [root.intermediate("between", (2030, 2032)).der()];

    for chain in [leaf, between] {
        let itself = Authorities::new(chain.to_vec()).unwrap();
        let verified = itself.verify(&chain, &Purpose::Any, now());
        assert_eq!(verified, Err(Untrusted::UnknownIssuer));
    }
}

#[test]
fn an_intermediate_authority_verifies_against_the_one_above() {
    let root = Authority::new("root");
    let between = [root.intermediate("between", (2030, 2032)).der()];
    let other = Authority::new("root");

    assert_eq!(authorities(&root).verify(&between, &Purpose::Any, now()), Ok(()));
    let wrong = authorities(&other).verify(&between, &Purpose::Any, now());
    assert_eq!(wrong, Err(Untrusted::Signature));
}

#[test]
fn version_1_is_read_and_verified_as_openssl_does() {
    let (leaf, authority) = version_1();
    let leaf = [leaf.der];
    let authorities = Authorities::new(vec![authority.der]).unwrap();
    let verify = |purpose| authorities.verify(&leaf, &purpose, now());

    assert_eq!(Chain::read(&leaf).unwrap().leaf().subject, "CN=db.example");
    assert_eq!(verify(Purpose::Any), Ok(()));
    assert_eq!(verify(Purpose::PostgreSql(named("db.example"))), Ok(()));
    assert!(verify(Purpose::PostgreSql(named("other.example"))).is_err());
    assert!(verify(Purpose::Web(named("db.example"))).is_err());
}

#[test]
fn hostile_names_become_short_harmless_texts() {
    let mut long = params("", (2030, 2031));
    let name = &mut long.distinguished_name;
    name.push(DnType::CommonName, "a\nb\"c,d\u{1b}[2J+e\\");
    name.push(DnType::OrganizationName, "x".repeat(100_000));
    name.push(DnType::CustomDnType(vec![1, 2, 3, 4]), DnValue::Utf8String(" z".to_owned()));
    name.push(DnType::OrganizationalUnitName, DnValue::BmpString("bmp".try_into().unwrap()));
    long.serial_number = Some(SerialNumber::from_slice(&[0, 0xab, 1]));
    let made = Authority::new("root").sign(&long);

    let chain = chain(&made.pem);

    let subject = &chain.leaf().subject;
    assert!(subject.starts_with("OU=#0062006d0070,1.2.3.4=\\ z,O=xxx"), "{subject}");
    assert_eq!(subject.chars().count(), 257);
    assert_eq!(chain.leaf().serial, "ab01");
    let mut alone = params("", (2030, 2031));
    alone.distinguished_name.push(DnType::CommonName, "a\nb\"c,d\u{1b}[2J+e\\");
    let subject = Chain::read(&[Authority::new("root").sign(&alone).der]).unwrap();
    assert_eq!(subject.leaf().subject, "CN=a\\0Ab\\\"c\\,d\\1B[2J\\+e\\\\");
}

#[test]
fn the_end_stays_in_sight_while_nothing_can_be_read() {
    let leaf = Authority::new("root").leaf();
    let good = CertificateStatus {
        name: "orders".to_owned(),
        source: CertificateSource::File,
        place: "/certs/tls.crt".to_owned(),
        last: Some(LastChain { chain: chain(&leaf.pem), read_at: now() }),
        verified: Some(Ok(())),
        failure: None,
    };
    let failed = CertificateStatus {
        last: None,
        verified: None,
        failure: Some("gone".to_owned()),
        ..good.clone()
    };

    let after = failed.after(Some(&good));

    assert_eq!(after.chain(), good.chain());
    assert_eq!(after.chain_is_valid(now()), None);
    assert_eq!(good.chain_is_valid(now()), Some(true));
    // What verified when it was read need not do so for ever.
    assert_eq!(good.chain_is_valid("2032-01-01T00:00:00Z".parse().unwrap()), Some(false));
}

#[test]
fn a_chain_is_warned_of_before_it_ends() {
    let leaf = Authority::new("root").leaf();
    let status = CertificateStatus {
        name: "orders".to_owned(),
        source: CertificateSource::File,
        place: "/certs/tls.crt".to_owned(),
        last: Some(LastChain { chain: chain(&leaf.pem), read_at: now() }),
        verified: None,
        failure: None,
    };
    let at =
        |text: &str| status.validity(text.parse().unwrap(), chrono::TimeDelta::days(7)).unwrap();

    assert_eq!(at("2029-12-31T23:59:59Z"), Validity::NotYet);
    assert_eq!(at("2030-01-01T00:00:00Z"), Validity::Valid);
    assert_eq!(at("2030-12-25T00:00:00Z"), Validity::Valid);
    assert_eq!(at("2030-12-25T00:00:01Z"), Validity::Ending);
    assert_eq!(at("2031-01-01T00:00:00Z"), Validity::Ending);
    assert_eq!(at("2031-01-01T00:00:01Z"), Validity::Ended);
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(content in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = certificates(&content);
        let _ = Chain::read(&[CertificateDer::from(content)]);
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
        let mut bytes = leaf.der.to_vec();
        for (place, byte) in damage {
            let place = usize::from(place) % bytes.len();
            bytes[place] = byte;
        }
        let damaged = [CertificateDer::from(bytes)];
        if let Ok(chain) = Chain::read(&damaged) {
            prop_assert!(!chain.leaf().subject.contains(char::is_control));
            prop_assert!(chain.leaf().subject.chars().count() <= 257);
        }
        let authorities = Authorities::new(vec![authority.der]).unwrap();
        let _ = authorities.verify(&damaged, &Purpose::PostgreSql(named("db.example")), now());
        let _ = public_key(&damaged[0]);
    }
}
