//! Chains that differ in their signatures.

use openssl::hash::MessageDigest;
use openssl::nid::Nid;

use super::{Case, between, ca, leaf, three, two};
use crate::chains::certificate::{
    AUTHORITY_KEY_IDENTIFIER, Attribute, Draft, KEY_USAGE, Kind, SUBJECT_KEY_IDENTIFIER,
};
use crate::chains::der;

pub(super) fn whole() -> Vec<Case> {
    let root = ca().self_signed();
    let middle = between().signed_by(&root);
    let made = leaf().signed_by(&middle);
    let own = Draft {
        subject: vec![Attribute::common_name("localhost")],
        ..ca()
    };
    let own = own
        .without(KEY_USAGE)
        .named(&[der::dns(b"localhost")])
        .self_signed();
    let alone = leaf().self_signed();
    let other = Draft::ca("other").self_signed();
    vec![
        two("a leaf below its CA", &ca(), &leaf()),
        three("an intermediate", &ca(), &between(), &leaf()),
        Case::new("an intermediate that is not presented", &[&made], &[&root]),
        Case::new(
            "an intermediate in the CA file",
            &[&made],
            &[&root, &middle],
        ),
        Case::new("an intermediate alone in the CA file", &[&made], &[&middle]),
        Case::new(
            "only the intermediate in the CA file, and presented",
            &[&made, &middle],
            &[&middle],
        ),
        Case::new(
            "the root presented as well",
            &[&made, &middle, &root],
            &[&root],
        ),
        Case::new(
            "certificates in the wrong order",
            &[&made, &root, &middle],
            &[&root],
        ),
        Case::new(
            "a certificate of somebody else between",
            &[&made, &other, &middle],
            &[&root],
        ),
        Case::new("another CA", &[&leaf().signed_by(&root)], &[&other]),
        Case::new("a CA as its own server", &[&own], &[&own]),
        Case::new("a leaf signed by itself, and trusted", &[&alone], &[&alone]),
        Case::new(
            "a leaf signed by a CA, and trusted alone",
            &[&made],
            &[&made],
        ),
        two(
            "version 1",
            &ca(),
            &Draft {
                version: 0,
                extensions: Vec::new(),
                ..leaf()
            },
        ),
        two(
            "a CA of version 1",
            &Draft {
                version: 0,
                extensions: Vec::new(),
                ..ca()
            },
            &leaf(),
        ),
        two(
            "a negative serial number",
            &ca(),
            &Draft {
                serial: -5,
                ..leaf()
            },
        ),
    ]
}

pub(super) fn algorithms() -> Vec<Case> {
    let kinds = [
        ("RSA 2048", Kind::Rsa(2048)),
        ("RSA 1024", Kind::Rsa(1024)),
        ("P-384", Kind::Curve(Nid::SECP384R1)),
        ("P-521", Kind::Curve(Nid::SECP521R1)),
        ("P-224", Kind::Curve(Nid::SECP224R1)),
        ("secp256k1", Kind::Curve(Nid::SECP256K1)),
        ("brainpoolP256r1", Kind::Curve(Nid::BRAINPOOL_P256R1)),
        ("Ed25519", Kind::Ed25519),
        ("Ed448", Kind::Ed448),
    ];
    let digests = [
        ("SHA-1", MessageDigest::sha1()),
        ("SHA-224", MessageDigest::sha224()),
        ("SHA-384", MessageDigest::sha384()),
        ("SHA-512", MessageDigest::sha512()),
        ("SHA3-256", MessageDigest::sha3_256()),
        ("MD5", MessageDigest::md5()),
    ];
    let mut cases = Vec::new();
    for (name, key) in kinds {
        cases.push(two(
            &format!("a leaf with a key of {name}"),
            &ca(),
            &Draft { key, ..leaf() },
        ));
        cases.push(two(
            &format!("a CA with a key of {name}"),
            &Draft { key, ..ca() },
            &leaf(),
        ));
    }
    for (name, digest) in digests {
        let digest = Some(digest);
        // MD5 and ECDSA do not go together.
        let ca = || Draft {
            key: Kind::Rsa(2048),
            ..ca()
        };
        cases.push(two(
            &format!("a leaf signed with {name}"),
            &ca(),
            &Draft { digest, ..leaf() },
        ));
        cases.push(two(
            &format!("a root signed with {name}"),
            &Draft { digest, ..ca() },
            &leaf(),
        ));
        cases.push(three(
            &format!("an intermediate signed with {name}"),
            &ca(),
            &Draft {
                digest,
                ..between()
            },
            &leaf(),
        ));
    }
    let large = Draft {
        key: Kind::Curve(Nid::SECP384R1),
        ..ca()
    };
    let leaf = Draft {
        digest: Some(MessageDigest::sha512()),
        ..leaf()
    };
    cases.push(two("P-384 with SHA-512", &large, &leaf));
    cases
}

pub(super) fn identifiers() -> Vec<Case> {
    let key = |identifier: u8| der::tagged(4, &[identifier; 20]);
    let named =
        |draft: Draft, identifier: u8| draft.with(SUBJECT_KEY_IDENTIFIER, false, key(identifier));
    let naming = |identifier: u8| {
        leaf().with(
            AUTHORITY_KEY_IDENTIFIER,
            false,
            der::names_key(&[identifier; 20]),
        )
    };
    let (old, new) = (named(ca(), 1).self_signed(), named(ca(), 2).self_signed());
    let (plain_old, plain_new) = (ca().self_signed(), ca().self_signed());
    let issuer = plain_old.certificate.subject_name().to_der().unwrap();
    let by_serial = |serial| {
        leaf().with(
            AUTHORITY_KEY_IDENTIFIER,
            false,
            der::names_issuer(&issuer, serial),
        )
    };
    vec![
        Case::new(
            "an identifier of the CA's key",
            &[&naming(1).signed_by(&old)],
            &[&old],
        ),
        Case::new(
            "an identifier of another key",
            &[&naming(9).signed_by(&old)],
            &[&old],
        ),
        Case::new(
            "an identifier of a key that the CA does not name",
            &[&naming(9).signed_by(&plain_old)],
            &[&plain_old],
        ),
        Case::new(
            "the CA's issuer and serial",
            &[&by_serial(7).signed_by(&plain_old)],
            &[&plain_old],
        ),
        Case::new(
            "issuer and serial of the CA before",
            &[&by_serial(6).signed_by(&plain_old)],
            &[&plain_old],
        ),
        Case::new(
            "two CAs of one name, the old one first",
            &[&leaf().signed_by(&plain_new)],
            &[&plain_old, &plain_new],
        ),
        Case::new(
            "two CAs of one name, the new one first",
            &[&leaf().signed_by(&plain_new)],
            &[&plain_new, &plain_old],
        ),
        Case::new(
            "two CAs of one name, told apart, the old one first",
            &[&naming(2).signed_by(&new)],
            &[&old, &new],
        ),
        Case::new(
            "two CAs of one name, told apart, the new one first",
            &[&naming(2).signed_by(&new)],
            &[&new, &old],
        ),
    ]
}
