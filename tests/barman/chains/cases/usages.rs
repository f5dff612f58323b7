//! Chains that differ in what their certificates may be used for, and when.

use super::{Case, between, ca, leaf, three, two, valid};
use crate::chains::certificate::{
    Attribute, BASIC_CONSTRAINTS, CERTIFICATE_POLICIES, Draft, EXTENDED_KEY_USAGE, KEY_USAGE,
    NAME_CONSTRAINTS, SUBJECT_ALT_NAME, UNKNOWN,
};
use crate::chains::der;

pub(super) fn authorities() -> Vec<Case> {
    let no_ca = der::basic_constraints(false, None);
    let path_length = |length| der::basic_constraints(true, Some(length));
    let client = der::extended_key_usage(&[2]);
    let server = der::extended_key_usage(&[1]);
    vec![
        two(
            "a CA without basicConstraints",
            &ca().without(BASIC_CONSTRAINTS),
            &leaf(),
        ),
        two(
            "a CA without extensions",
            &ca().without(BASIC_CONSTRAINTS).without(KEY_USAGE),
            &leaf(),
        ),
        two(
            "a CA with CA:FALSE",
            &ca().with(BASIC_CONSTRAINTS, true, no_ca.clone()),
            &leaf(),
        ),
        two(
            "a CA with CA:TRUE that is not critical",
            &ca().with(BASIC_CONSTRAINTS, false, der::basic_constraints(true, None)),
            &leaf(),
        ),
        two(
            "a CA without keyCertSign",
            &ca().with(KEY_USAGE, true, der::key_usage(&[6])),
            &leaf(),
        ),
        two("a CA without key usage", &ca().without(KEY_USAGE), &leaf()),
        two(
            "pathlen 0 above a leaf",
            &ca().with(BASIC_CONSTRAINTS, true, path_length(0)),
            &leaf(),
        ),
        three(
            "pathlen 0 above an intermediate",
            &ca().with(BASIC_CONSTRAINTS, true, path_length(0)),
            &between(),
            &leaf(),
        ),
        three(
            "pathlen 1 above an intermediate",
            &ca().with(BASIC_CONSTRAINTS, true, path_length(1)),
            &between(),
            &leaf(),
        ),
        two(
            "a CA for clients alone",
            &ca().with(EXTENDED_KEY_USAGE, false, client.clone()),
            &leaf(),
        ),
        two(
            "a CA for servers alone",
            &ca().with(EXTENDED_KEY_USAGE, false, server),
            &leaf(),
        ),
        three(
            "an intermediate for clients alone",
            &ca(),
            &between().with(EXTENDED_KEY_USAGE, false, client),
            &leaf(),
        ),
        three(
            "an intermediate without keyCertSign",
            &ca(),
            &between().with(KEY_USAGE, true, der::key_usage(&[0])),
            &leaf(),
        ),
        three(
            "an intermediate with CA:FALSE",
            &ca(),
            &between().with(BASIC_CONSTRAINTS, true, no_ca),
            &leaf(),
        ),
        three(
            "an intermediate without basicConstraints",
            &ca(),
            &between().without(BASIC_CONSTRAINTS),
            &leaf(),
        ),
    ]
}

pub(super) fn leaves() -> Vec<Case> {
    let usage = |bits: &[u8]| leaf().with(KEY_USAGE, true, der::key_usage(bits));
    let purposes =
        |all: &[u8]| leaf().with(EXTENDED_KEY_USAGE, false, der::extended_key_usage(all));
    let any = der::sequence(&[vec![6, 4, 0x55, 0x1d, 0x25, 0]]);
    let mut client = two("a leaf for clients alone", &ca(), &purposes(&[2]));
    client.has_other_purpose = true;
    vec![
        two("a leaf with digitalSignature", &ca(), &usage(&[0])),
        two("a leaf with keyCertSign alone", &ca(), &usage(&[5])),
        two("a leaf with nonRepudiation alone", &ca(), &usage(&[1])),
        two("a leaf with keyEncipherment alone", &ca(), &usage(&[2])),
        two("a leaf with keyAgreement alone", &ca(), &usage(&[4])),
        two("a leaf for servers", &ca(), &purposes(&[1])),
        two("a leaf for servers and clients", &ca(), &purposes(&[1, 2])),
        two("a leaf for mail", &ca(), &purposes(&[4])),
        two(
            "a leaf for any purpose",
            &ca(),
            &leaf().with(EXTENDED_KEY_USAGE, false, any),
        ),
        two(
            "a leaf with CA:TRUE",
            &ca(),
            &leaf().with(BASIC_CONSTRAINTS, true, der::basic_constraints(true, None)),
        ),
        client,
    ]
}

pub(super) fn constraints() -> Vec<Case> {
    let directory = |name: &str| {
        let draft = Draft {
            subject: vec![Attribute::common_name(name)],
            ..leaf()
        };
        der::tagged(
            0xa4,
            &draft
                .self_signed()
                .certificate
                .subject_name()
                .to_der()
                .unwrap(),
        )
    };
    let limited = |is_permitted, name| {
        ca().with(
            NAME_CONSTRAINTS,
            true,
            der::name_constraints(is_permitted, name),
        )
    };
    vec![
        two(
            "critical policies of the leaf",
            &ca(),
            &leaf().with(CERTIFICATE_POLICIES, true, der::policies()),
        ),
        two(
            "critical policies of the CA",
            &ca().with(CERTIFICATE_POLICIES, true, der::policies()),
            &leaf(),
        ),
        two(
            "a critical extension that nobody knows",
            &ca(),
            &leaf().with(UNKNOWN, true, vec![5, 0]),
        ),
        two(
            "an extension that nobody knows",
            &ca(),
            &leaf().with(UNKNOWN, false, vec![5, 0]),
        ),
        two(
            "a critical extension of the CA that nobody knows",
            &ca().with(UNKNOWN, true, vec![5, 0]),
            &leaf(),
        ),
        two(
            "a directory name that is permitted",
            &limited(true, directory("localhost")),
            &leaf(),
        ),
        two(
            "a directory name that is not permitted",
            &limited(true, directory("other")),
            &leaf(),
        ),
        two(
            "a directory name that is excluded",
            &limited(false, directory("localhost")),
            &leaf(),
        ),
        two(
            "a host that is permitted",
            &limited(true, der::dns(b"localhost")),
            &leaf(),
        ),
        two(
            "a host that is not permitted",
            &limited(true, der::dns(b"other")),
            &leaf(),
        ),
        two(
            "a host that is excluded",
            &limited(false, der::dns(b"localhost")),
            &leaf(),
        ),
        two(
            "alternative names that make no sense",
            &ca(),
            &leaf().with(SUBJECT_ALT_NAME, false, vec![4, 1, 0]),
        ),
    ]
}

pub(super) fn times() -> Vec<Case> {
    let (past, begun, ended, future) = (
        "20100101000000Z",
        "20200101000000Z",
        "20200102000000Z",
        "20890101000000Z",
    );
    vec![
        two("an expired leaf", &ca(), &valid(leaf(), past, ended)),
        two(
            "a leaf that is not valid yet",
            &ca(),
            &valid(leaf(), future, "20900101000000Z"),
        ),
        two("an expired CA", &valid(ca(), past, ended), &leaf()),
        two(
            "a CA that is not valid yet",
            &valid(ca(), future, "20900101000000Z"),
            &leaf(),
        ),
        three(
            "an expired intermediate",
            &ca(),
            &valid(between(), past, ended),
            &leaf(),
        ),
        three(
            "an intermediate that is not valid yet",
            &ca(),
            &valid(between(), future, "20900101000000Z"),
            &leaf(),
        ),
        two(
            "a leaf from before 1970",
            &ca(),
            &valid(leaf(), "19600101000000Z", "20900101000000Z"),
        ),
        two(
            "a CA from before 1950",
            &valid(ca(), "19400101000000Z", "20900101000000Z"),
            &leaf(),
        ),
        two(
            "a leaf without end",
            &ca(),
            &valid(leaf(), begun, "99991231235959Z"),
        ),
    ]
}
