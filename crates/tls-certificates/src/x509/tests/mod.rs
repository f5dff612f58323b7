//! Certificates as they come: good ones, and all the others.

mod damage;

use chrono::TimeDelta;
use openssl::x509::X509;
use rcgen::{
    BasicConstraints, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    SerialNumber,
};

use super::test_certificates::{Authority, IssuedCertificate, leaf_params, now, params, version_1};
use super::*;

fn chain(pem: &str) -> Chain {
    Chain::read(&certificates(pem.as_bytes()).unwrap()).unwrap()
}

fn authorities(authority: &Authority) -> Authorities {
    Authorities::of(vec![authority.certificate()])
}

fn named(name: &str) -> Host {
    name.parse().unwrap()
}

/// `OpenSSL`'s reason for a refusal.
fn reason(verified: Result<(), Untrusted>) -> &'static str {
    match verified.unwrap_err() {
        Untrusted::Refused { reason, .. } => reason,
        other @ (Untrusted::Name(_) | Untrusted::Unknown(_)) => panic!("{other}"),
    }
}

const NO_ISSUER: &str = "unable to get local issuer certificate";

fn verify(made: &IssuedCertificate, authority: &Authority) -> Result<(), Untrusted> {
    authorities(authority).verify(
        std::slice::from_ref(&made.certificate),
        &Purpose::Any,
        now(),
    )
}

#[test]
fn a_file_may_hold_a_chain_and_a_key() {
    let root = Authority::new("root");
    let between = root.intermediate("between", 2030..2032);
    let leaf = between.leaf();
    let text = format!("a note\n{}{}{}", leaf.key, leaf.pem, between.pem());

    let chain = chain(&text);

    assert_eq!(chain.leaf().subject, "CN=server");
    assert_eq!(chain.leaf().issuer, "CN=between");
    assert_eq!(
        chain.leaf().not_before,
        "2030-01-01T00:00:00Z".parse::<Moment>().unwrap()
    );
    assert_eq!(
        chain.leaf().not_after,
        "2031-01-01T00:00:00Z".parse::<Moment>().unwrap()
    );
    assert_eq!(chain.first_to_end(), chain.leaf());
}

type Moment = chrono::DateTime<chrono::Utc>;

#[test]
fn the_certificate_that_ends_first_need_not_be_the_leaf() {
    let root = Authority::new("root");
    let between = root.intermediate("between", 2029..2030);
    let leaf = between.leaf();

    let chain = chain(&format!("{}{}{}", leaf.pem, between.pem(), root.pem()));

    assert_eq!(chain.first_to_end().subject, "CN=between");
    assert!(!chain.first_to_end().covers(now()) && chain.leaf().covers(now()));
}

#[test]
fn a_file_of_authorities_alone_is_read_too() {
    let text: String = ["a", "b", "c"]
        .map(|name| Authority::new(name).pem())
        .concat();

    assert_eq!(chain(&text).leaf().subject, "CN=a");
}

#[test]
fn files_that_hold_no_certificates_say_why() {
    let leaf = Authority::new("root").leaf();
    let error = |content: &[u8]| certificates(content).unwrap_err();
    let cut_off = leaf.pem.get(..leaf.pem.len() / 2).unwrap();

    assert_eq!(error(b""), InvalidPem::Empty);
    assert_eq!(error(b" \n"), InvalidPem::Empty);
    assert_eq!(error(&leaf.certificate.to_der().unwrap()), InvalidPem::Der);
    assert_eq!(error(b"hello"), InvalidPem::NotPem);
    assert_eq!(error(&[0x30, 0x82, 1]), InvalidPem::NotPem);
    assert_eq!(error(leaf.key.as_bytes()), InvalidPem::NoCertificate);
    assert_eq!(error(cut_off.as_bytes()), InvalidPem::CutOff(1));
    assert_eq!(
        error(format!("{}{cut_off}", leaf.pem).as_bytes()),
        InvalidPem::CutOff(2)
    );
    assert_eq!(
        error(format!("{cut_off}\n{}", leaf.pem).as_bytes()),
        InvalidPem::CutOff(1)
    );
    assert_eq!(error(b"-----BEGIN CERT"), InvalidPem::CutOff(1));
    assert_eq!(
        error(format!("{}-----BEGIN C", leaf.pem).as_bytes()),
        InvalidPem::CutOff(2)
    );
    assert!(certificates(format!("{}-----", leaf.pem).as_bytes()).is_ok());
    let garbled = leaf.pem.replacen("MII", "M?I", 1);
    assert_eq!(error(garbled.as_bytes()), InvalidPem::Garbled(1));
}

#[test]
fn an_old_key_with_headers_does_not_matter() {
    let leaf = Authority::new("root").leaf();
    let key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n\
               -----END RSA PRIVATE KEY-----\n";

    assert_eq!(
        certificates(format!("{key}{}", leaf.pem).as_bytes()).unwrap(),
        [leaf.certificate]
    );
}

#[test]
fn bad_content_labelled_as_certificate_is_reported_by_place() {
    let good = Authority::new("root").leaf().pem;
    let bad = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";

    let error = certificates(format!("{good}{bad}").as_bytes()).unwrap_err();

    assert_eq!(error, InvalidPem::NotX509(2));
    assert_eq!(Chain::read(&[]), Err(InvalidCertificate::None));
}

#[test]
fn certificates_under_every_label_of_openssl_are_read() {
    let made = Authority::new("root").leaf();
    for label in ["X509 CERTIFICATE", "TRUSTED CERTIFICATE"] {
        let labelled = made.pem.replace("CERTIFICATE", label);

        let read = certificates(labelled.as_bytes()).unwrap();

        assert_eq!(read, std::slice::from_ref(&made.certificate), "{label}");
    }
}

#[test]
fn a_leaf_verifies_against_its_own_authority_alone() {
    let (root, rotated) = (Authority::new("root"), Authority::new("root"));
    let leaf = root.leaf();

    assert_eq!(verify(&leaf, &root), Ok(()));
    assert_eq!(reason(verify(&leaf, &Authority::new("other"))), NO_ISSUER);
    // Of the same name, with another key.
    assert_eq!(
        reason(verify(&leaf, &rotated)),
        "certificate signature failure"
    );
}

#[test]
fn several_authorities_are_accepted_while_they_are_rotated() {
    let (old, new) = (Authority::new("root"), Authority::new("root"));
    let both = Authorities::of(vec![old.certificate(), new.certificate()]);
    let mut names_its_key = leaf_params("server", 2030..2031);
    names_its_key.use_authority_key_identifier_extension = true;
    let verify = |leaf: IssuedCertificate| {
        both.verify(&[leaf.certificate], &Purpose::Any, now())
            .map_err(|error| error.to_string())
    };

    for authority in [&old, &new] {
        assert_eq!(verify(authority.sign(&names_its_key)), Ok(()));
    }
    // Without the identifier of the key, OpenSSL takes the first certificate of the name.
    let refused = "OpenSSL refuses the certificate of `CN=server`: certificate signature failure";
    assert_eq!(verify(old.leaf()), Ok(()));
    assert_eq!(verify(new.leaf()), Err(refused.to_owned()));
}

#[test]
fn an_intermediate_makes_the_chain() {
    let root = Authority::new("root");
    let between = root.intermediate("between", 2030..2032);
    let leaf = between.leaf().certificate;
    let root = authorities(&root);

    let whole = root.verify(&[leaf.clone(), between.certificate()], &Purpose::Any, now());
    let alone = root.verify(&[leaf], &Purpose::Any, now());

    assert_eq!((whole, reason(alone)), (Ok(()), NO_ISSUER));
}

#[test]
fn nothing_verifies_outside_of_its_time() {
    let root = Authority::new("root");
    let leaf = |years| root.sign(&leaf_params("server", years));
    let ended = Authority::of_years("root", 2020..2030);

    let expired = "certificate has expired";
    assert_eq!(reason(verify(&leaf(2028..2029), &root)), expired);
    assert_eq!(
        reason(verify(&leaf(2031..2032), &root)),
        "certificate is not yet valid or the system clock is incorrect"
    );
    assert_eq!(reason(verify(&ended.leaf(), &ended)), expired);
    let between = root.intermediate("between", 2020..2030);
    let chain = [between.leaf().certificate, between.certificate()];
    let verified = authorities(&root).verify(&chain, &Purpose::Any, now());
    let text = "OpenSSL refuses the certificate of `CN=between`: certificate has expired";
    assert_eq!(verified.unwrap_err().to_string(), text);
}

#[test]
fn names_count_in_handshakes_alone() {
    let root = Authority::new("root");
    let leaf = [root.leaf().certificate];
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
    let leaf = [root
        .sign(&params("*.databases.svc", 2030..2031))
        .certificate];
    let verify = |purpose| authorities(&root).verify(&leaf, &purpose, now()).is_ok();

    assert!(verify(Purpose::PostgreSql(named(
        "orders-rw.databases.svc"
    ))));
    assert!(!verify(Purpose::PostgreSql(named(
        "a.orders-rw.databases.svc"
    ))));
    assert!(!verify(Purpose::PostgreSql(named("databases.svc"))));
    // So does the client of an object storage.
    assert!(verify(Purpose::Web(named("orders-rw.databases.svc"))));
}

#[test]
fn libpq_uses_a_common_name_next_to_names_of_another_kind() {
    let root = Authority::new("root");
    let mut params = params("orders-rw", 2030..2031);
    params.subject_alt_names = vec![SanType::IpAddress([10, 0, 0, 1].into())];
    let leaf = [root.sign(&params).certificate];
    let verify = |purpose| authorities(&root).verify(&leaf, &purpose, now()).is_ok();

    assert!(verify(Purpose::PostgreSql(named("orders-rw"))));
    assert!(verify(Purpose::PostgreSql(named("10.0.0.1"))));
    assert!(!verify(Purpose::PostgreSql(named("10.0.0.2"))));
    assert!(!verify(Purpose::Web(named("orders-rw"))));
}

#[test]
fn a_client_certificate_is_good_in_a_file_but_not_for_a_server() {
    let root = Authority::new("root");
    let mut params = leaf_params("streaming_replica", 2030..2031);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = [root.sign(&params).certificate];
    let verify = |purpose| authorities(&root).verify(&leaf, &purpose, now());

    assert_eq!(verify(Purpose::Any), Ok(()));
    let as_server = verify(Purpose::PostgreSql(named("localhost")));
    assert_eq!(reason(as_server), "unsuitable certificate purpose");
}

#[test]
fn a_certificate_that_is_its_own_authority_verifies() {
    let mut params = params("localhost", 2020..2040);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let own = X509::from_der(own.der()).unwrap();
    let authorities = Authorities::of(vec![own.clone()]);
    let verify = |purpose, now| authorities.verify(std::slice::from_ref(&own), &purpose, now);

    assert_eq!(verify(Purpose::Any, now()), Ok(()));
    assert_eq!(
        verify(Purpose::PostgreSql(named("localhost")), now()),
        Ok(())
    );
    // It has no alternative name, so that its common name counts.
    assert_eq!(verify(Purpose::Web(named("localhost")), now()), Ok(()));
    let later = "2041-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(
        reason(verify(Purpose::Any, later)),
        "certificate has expired"
    );
}

#[test]
fn a_leaf_does_not_vouch_for_itself_by_standing_in_the_ca_file() {
    let root = Authority::new("root");
    let leaf = [root.leaf().certificate];
    let between = [root.intermediate("between", 2030..2032).certificate()];

    for chain in [leaf, between] {
        let itself = Authorities::of(chain.to_vec());
        let verified = itself.verify(&chain, &Purpose::Any, now());
        assert_eq!(reason(verified), NO_ISSUER);
    }
}

#[test]
fn an_intermediate_authority_verifies_against_the_one_above() {
    let root = Authority::new("root");
    let between = [root.intermediate("between", 2030..2032).certificate()];
    let other = Authority::new("root");

    assert_eq!(
        authorities(&root).verify(&between, &Purpose::Any, now()),
        Ok(())
    );
    let wrong = authorities(&other).verify(&between, &Purpose::Any, now());
    assert_eq!(reason(wrong), "certificate signature failure");
}

#[test]
fn version_1_is_read_and_verified_as_openssl_does() {
    let (leaf, authority) = version_1();
    let leaf = [leaf.certificate];
    let authorities = Authorities::of(vec![authority.certificate]);
    let verify = |purpose| authorities.verify(&leaf, &purpose, now());

    assert_eq!(Chain::read(&leaf).unwrap().leaf().subject, "CN=db.example");
    assert_eq!(verify(Purpose::Any), Ok(()));
    assert_eq!(verify(Purpose::PostgreSql(named("db.example"))), Ok(()));
    assert!(verify(Purpose::PostgreSql(named("other.example"))).is_err());
    assert_eq!(verify(Purpose::Web(named("db.example"))), Ok(()));
}

#[test]
fn hostile_names_become_short_harmless_texts() {
    let mut long = params("", 2030..2031);
    let name = &mut long.distinguished_name;
    name.push(DnType::CommonName, "a\nb\"c,d\u{1b}[2J+e\\");
    name.push(DnType::OrganizationName, "x".repeat(100_000));
    name.push(
        DnType::CustomDnType(vec![1, 2, 3, 4]),
        DnValue::Utf8String(" z".to_owned()),
    );
    name.push(
        DnType::OrganizationalUnitName,
        DnValue::BmpString("bmp".try_into().unwrap()),
    );
    long.serial_number = Some(SerialNumber::from_slice(&[0, 0xab, 1]));
    let made = Authority::new("root").sign(&long);

    let chain = chain(&made.pem);

    let subject = &chain.leaf().subject;
    assert!(
        subject.starts_with("OU=bmp,1.2.3.4=\\ z,O=xxx"),
        "{subject}"
    );
    assert_eq!(subject.chars().count(), 257);
    assert_eq!(chain.leaf().serial, "ab01");
    let mut alone = params("", 2030..2031);
    alone
        .distinguished_name
        .push(DnType::CommonName, "a\nb\"c,d\u{1b}[2J+e\\");
    let subject = Chain::read(&[Authority::new("root").sign(&alone).certificate]).unwrap();
    assert_eq!(subject.leaf().subject, "CN=a\\0Ab\\\"c\\,d\\1B[2J\\+e\\\\");
}

/// Status of a certificate that was just read, and that nothing verifies.
fn status_of(leaf: &IssuedCertificate) -> CertificateStatus {
    CertificateStatus {
        name: "orders".to_owned(),
        source: CertificateSource::File,
        place: "/certs/tls.crt".to_owned(),
        warn_before: WarnBefore::AtMost(TimeDelta::days(7)),
        last: Some(LastChain {
            chain: chain(&leaf.pem),
            read_at: now(),
        }),
        verification: Verification::NotAsked,
        failure: None,
    }
}

#[test]
fn the_end_stays_in_sight_while_nothing_can_be_read() {
    let leaf = Authority::new("root").leaf();
    let good = CertificateStatus {
        verification: Verification::Verified,
        ..status_of(&leaf)
    };
    let failed = CertificateStatus {
        last: None,
        verification: Verification::NotAsked,
        failure: Some("gone".to_owned()),
        ..good.clone()
    };

    let after = failed.after(Some(&good));

    assert_eq!(after.chain(), good.chain());
    assert_eq!(after.chain_is_valid(now()), None);
    assert_eq!(good.chain_is_valid(now()), Some(true));
    // What verified when it was read need not do so for ever.
    assert_eq!(
        good.chain_is_valid("2032-01-01T00:00:00Z".parse().unwrap()),
        Some(false)
    );
}

#[test]
fn a_chain_is_warned_of_before_it_ends() {
    let leaf = Authority::new("root").leaf();
    let status = status_of(&leaf);
    let at = |text: &str| status.validity(text.parse().unwrap()).unwrap();

    assert_eq!(at("2029-12-31T23:59:59Z"), Validity::NotYet);
    assert_eq!(at("2030-01-01T00:00:00Z"), Validity::Valid);
    assert_eq!(at("2030-12-25T00:00:00Z"), Validity::Valid);
    assert_eq!(at("2030-12-25T00:00:01Z"), Validity::Ending);
    assert_eq!(at("2031-01-01T00:00:00Z"), Validity::Ending);
    assert_eq!(at("2031-01-01T00:00:01Z"), Validity::Ended);
}

#[test]
fn a_certificate_for_a_day_is_warned_of_in_its_last_hours() {
    let from = rcgen::date_time_ymd(2030, 6, 15);
    let mut params = leaf_params("server", 2030..2031);
    (params.not_before, params.not_after) = (from, from + std::time::Duration::from_hours(24));
    let leaf = chain(&Authority::new("root").sign(&params).pem);
    let leaf = leaf.leaf();

    let week = TimeDelta::days(7);
    assert_eq!(WarnBefore::AtMost(week).of(leaf), TimeDelta::hours(3));
    assert_eq!(
        WarnBefore::AtMost(TimeDelta::hours(1)).of(leaf),
        TimeDelta::hours(1)
    );
    assert_eq!(WarnBefore::Exactly(week).of(leaf), week);
}

#[test]
fn a_chain_is_not_valid_before_its_last_certificate_is() {
    let root = Authority::new("root");
    let between = root.intermediate("between", 2030..2032);
    let leaf = between.sign(&leaf_params("server", 2028..2031));

    let chain = chain(&format!("{}{}", leaf.pem, between.pem()));

    assert_eq!(chain.last_to_begin().subject, "CN=between");
    assert_eq!(chain.first_to_end().subject, "CN=server");
}
