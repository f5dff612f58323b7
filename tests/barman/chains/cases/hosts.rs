//! Names of hosts and of issuers.

use openssl::asn1::Asn1Type;
use openssl::nid::Nid;

use super::{Case, ca, leaf, two};
use crate::chains::certificate::{Attribute, Draft, SUBJECT_ALT_NAME};
use crate::chains::der;

pub(super) fn hosts() -> Vec<Case> {
    let root = ca().self_signed();
    let at = |name: &str, names: &[Vec<u8>], host: &str| {
        Case::new(name, &[&leaf().named(names).signed_by(&root)], &[&root]).at(host)
    };
    let common = |name: &str, texts: &[&str], names: Option<&[Vec<u8>]>, host: &str| {
        let subject = texts
            .iter()
            .map(|text| Attribute::common_name(text))
            .collect();
        let draft = Draft { subject, ..leaf() };
        let draft = names.map_or_else(
            || draft.clone().without(SUBJECT_ALT_NAME),
            |names| draft.clone().named(names),
        );
        Case::new(name, &[&draft.signed_by(&root)], &[&root]).at(host)
    };
    let loopback = || der::ip(&[127, 0, 0, 1]);
    let ipv6 = || der::ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    vec![
        at("another host", &[der::dns(b"other.example")], "db.example"),
        at(
            "a host in capitals",
            &[der::dns(b"DB.Example")],
            "db.example",
        ),
        at(
            "a host with a trailing dot",
            &[der::dns(b"db.example")],
            "db.example.",
        ),
        at(
            "a trailing dot in the certificate",
            &[der::dns(b"db.example.")],
            "db.example",
        ),
        at("a wildcard", &[der::dns(b"*.example")], "db.example"),
        at("a wildcard over one label", &[der::dns(b"*.lan")], "db.lan"),
        at(
            "a wildcard for two labels",
            &[der::dns(b"*.example")],
            "a.db.example",
        ),
        at(
            "a wildcard in the middle",
            &[der::dns(b"a.*.example")],
            "a.db.example",
        ),
        at(
            "a part of a wildcard",
            &[der::dns(b"d*.example")],
            "db.example",
        ),
        at("nothing but a wildcard", &[der::dns(b"*")], "db"),
        at(
            "the second name",
            &[der::dns(b"other.example"), der::dns(b"db.example")],
            "db.example",
        ),
        at("an address", &[loopback()], "127.0.0.1"),
        at("an address of IPv6", &[ipv6()], "::1"),
        at("another address", &[der::ip(&[127, 0, 0, 2])], "127.0.0.1"),
        at(
            "an address in a dNSName",
            &[der::dns(b"127.0.0.1")],
            "127.0.0.1",
        ),
        at(
            "an address of five bytes",
            &[der::ip(&[1, 2, 3, 4, 5]), der::dns(b"db.example")],
            "db.example",
        ),
        at(
            "an address of five bytes behind the name",
            &[der::dns(b"db.example"), der::ip(&[1, 2, 3, 4, 5])],
            "db.example",
        ),
        at(
            "a zero in the name",
            &[der::dns(b"db.example\0.evil.example")],
            "db.example",
        ),
        at(
            "a zero in the first of two names",
            &[der::dns(b"a\0b"), der::dns(b"db.example")],
            "db.example",
        ),
        at("an empty name", &[der::dns(b"")], "db.example"),
        at(
            "a name of nobody's kind",
            &[der::tagged(0x81, b"a@example.org")],
            "db.example",
        ),
        common("a common name", &["db.example"], None, "db.example"),
        common(
            "another common name",
            &["other.example"],
            None,
            "db.example",
        ),
        common(
            "a wildcard in the common name",
            &["*.example"],
            None,
            "db.example",
        ),
        common(
            "an address in the common name",
            &["127.0.0.1"],
            None,
            "127.0.0.1",
        ),
        common(
            "the second common name",
            &["other.example", "db.example"],
            None,
            "db.example",
        ),
        common(
            "the first common name",
            &["db.example", "other.example"],
            None,
            "db.example",
        ),
        common(
            "a common name besides an address",
            &["db.example"],
            Some(&[loopback()]),
            "db.example",
        ),
        common(
            "a common name besides another name",
            &["db.example"],
            Some(&[der::dns(b"other.example")]),
            "db.example",
        ),
        common(
            "an address in the common name, besides a name",
            &["127.0.0.1"],
            Some(&[der::dns(b"other.example")]),
            "127.0.0.1",
        ),
        common(
            "an address in the common name, besides another",
            &["127.0.0.1"],
            Some(&[der::ip(&[1, 2, 3, 4])]),
            "127.0.0.1",
        ),
        common(
            "a common name besides bytes that are no text",
            &["db.example"],
            Some(&[der::dns(b"\xff\xfe")]),
            "db.example",
        ),
        common("no name at all", &[], None, "db.example"),
    ]
}

pub(super) fn names_of_issuers() -> Vec<Case> {
    let of = |encoding, text: &str| {
        let common = Attribute {
            kind: Nid::COMMONNAME,
            encoding,
            text: text.to_owned(),
        };
        Draft {
            subject: vec![common],
            ..ca()
        }
    };
    let written = |name: &str, ca: &Draft, encoding, text: &str| {
        let issuer = Attribute {
            kind: Nid::COMMONNAME,
            encoding,
            text: text.to_owned(),
        };
        two(
            name,
            ca,
            &Draft {
                issuer: Some(vec![issuer]),
                ..leaf()
            },
        )
    };
    let printable = of(Asn1Type::PRINTABLESTRING, "The Root");
    let utf8 = of(Asn1Type::UTF8STRING, "The Root");
    vec![
        written(
            "PrintableString for UTF8String",
            &utf8,
            Asn1Type::PRINTABLESTRING,
            "The Root",
        ),
        written(
            "UTF8String for PrintableString",
            &printable,
            Asn1Type::UTF8STRING,
            "The Root",
        ),
        written(
            "another case",
            &printable,
            Asn1Type::PRINTABLESTRING,
            "the ROOT",
        ),
        written("other spaces", &utf8, Asn1Type::UTF8STRING, " The   Root "),
        written("another name", &utf8, Asn1Type::UTF8STRING, "The Roof"),
        written(
            "BMPString",
            &utf8,
            Asn1Type::BMPSTRING,
            "\0T\0h\0e\0 \0R\0o\0o\0t",
        ),
        written("T61String", &utf8, Asn1Type::T61STRING, "The Root"),
        two(
            "a CA with a name in BMPString",
            &of(Asn1Type::BMPSTRING, "\0C\0A"),
            &leaf(),
        ),
    ]
}
