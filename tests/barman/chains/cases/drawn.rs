//! Chains at random.

use openssl::hash::MessageDigest;
use openssl::nid::Nid;

use super::{Case, between, ca, leaf, valid};
use crate::chains::certificate::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, CERTIFICATE_POLICIES, Draft, EXTENDED_KEY_USAGE,
    KEY_USAGE, Kind, NAME_CONSTRAINTS, SUBJECT_KEY_IDENTIFIER,
};
use crate::chains::der;

/// Certificate chain with randomly drawn properties.
pub(crate) fn drawn(random: &mut fastrand::Rng, number: u64) -> Case {
    let mut pick = |options: usize| random.usize(..options);
    let mut change = |draft: Draft| match pick(18) {
        0 => draft.without(BASIC_CONSTRAINTS),
        1 => draft.without(KEY_USAGE),
        2 => draft.with(
            BASIC_CONSTRAINTS,
            pick(2) == 0,
            der::basic_constraints(pick(2) == 0, Some(0)),
        ),
        3 => draft.with(
            KEY_USAGE,
            pick(2) == 0,
            der::key_usage(&[[0, 1, 2, 4, 5, 6][pick(6)]]),
        ),
        4 => draft.with(
            EXTENDED_KEY_USAGE,
            pick(2) == 0,
            der::extended_key_usage(&[[1, 2, 4][pick(3)]]),
        ),
        5 => draft.with(SUBJECT_KEY_IDENTIFIER, false, der::tagged(4, &[1; 20])),
        6 => draft.with(
            AUTHORITY_KEY_IDENTIFIER,
            false,
            der::names_key(&[[1, 2][pick(2)]; 20]),
        ),
        7 => Draft {
            key: Kind::Curve([Nid::SECP521R1, Nid::SECP384R1, Nid::SECP224R1][pick(3)]),
            ..draft
        },
        8 => Draft {
            digest: Some(
                [
                    MessageDigest::sha1(),
                    MessageDigest::sha512(),
                    MessageDigest::sha3_384(),
                ][pick(3)],
            ),
            ..draft
        },
        9 => draft.with(CERTIFICATE_POLICIES, pick(2) == 0, der::policies()),
        10 => Draft {
            version: 0,
            extensions: Vec::new(),
            ..draft
        },
        11 => draft.with(
            NAME_CONSTRAINTS,
            pick(2) == 0,
            der::name_constraints(
                pick(2) == 0,
                der::dns([&b"localhost"[..], b"other"][pick(2)]),
            ),
        ),
        12 => valid(
            draft,
            "20100101000000Z",
            ["20200101000000Z", "20850101000000Z"][pick(2)],
        ),
        _ => draft,
    };
    let mut twice = |draft: Draft| {
        let changed = change(draft);
        change(changed)
    };
    let (root, middle, below) = (twice(ca()), twice(between()), twice(leaf()));
    let root = root.self_signed();
    let middle = middle.signed_by(&root);
    let name = format!("random chain {number}");
    let case = match pick(4) {
        0 => Case::new(&name, &[&below.signed_by(&root)], &[&root]),
        1 => Case::new(&name, &[&below.signed_by(&middle)], &[&root, &middle]),
        _ => Case::new(&name, &[&below.signed_by(&middle), &middle], &[&root]),
    };
    let client = der::extended_key_usage(&[2]);
    let ca = der::basic_constraints(true, Some(0));
    let has_other_purpose = below
        .extensions
        .iter()
        .any(|(.., value)| *value == client || *value == ca);
    Case {
        has_other_purpose,
        ..case
    }
}
