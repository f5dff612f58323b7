//! Chains of all kinds, right and wrong.

#![expect(clippy::too_many_lines, reason = "they are tables")]

mod drawn;
mod files;
mod hosts;
mod signing;
mod usages;

use openssl::nid::Nid;
use openssl::x509::X509;

use crate::chains::certificate::{Draft, IssuedCertificate};

pub(crate) use drawn::drawn;

/// Chain that a server presents, and CA file that a client verifies it with.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Leaf and the other certificates, in PEM form.
    pub(crate) chain: String,
    /// Key of the leaf, PEM.
    pub(crate) key: String,
    /// Content of the CA file.
    pub(crate) ca: String,
    /// Name that the client connects to.
    pub(crate) host: String,
    /// True if the leaf is for clients, or a CA's certificate: then psql has no say in whether a file with it
    /// is good.
    pub(crate) has_other_purpose: bool,
}

impl Case {
    /// Returns whether versions of `OpenSSL` differ: on leaves with keys on unusual curves, and on ECDSA with
    /// SHA-3.
    pub(crate) fn depends_on_the_version(&self) -> bool {
        let read = |pem: &String| X509::stack_from_pem(pem.as_bytes()).unwrap_or_default();
        let (chain, ca) = (read(&self.chain), read(&self.ca));
        let key = chain
            .first()
            .and_then(|leaf| leaf.public_key().ok()?.ec_key().ok());
        let curve = key.and_then(|key| key.group().curve_name());
        let usual = [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1];
        let is_signed_oddly = |certificate: &X509| {
            let name = certificate.signature_algorithm().object().nid().long_name();
            name.is_ok_and(|name| name.starts_with("ecdsa_with_SHA3"))
        };
        let is_odd_curve = curve.is_some_and(|curve| !usual.contains(&curve));
        is_odd_curve || chain.iter().chain(&ca).any(is_signed_oddly)
    }

    fn new(name: &str, chain: &[&IssuedCertificate], ca: &[&IssuedCertificate]) -> Self {
        let pem =
            |all: &[&IssuedCertificate]| all.iter().map(|made| made.pem()).collect::<String>();
        Self {
            name: name.to_owned(),
            chain: pem(chain),
            key: chain[0].key_pem(),
            ca: pem(ca),
            host: "localhost".to_owned(),
            has_other_purpose: false,
        }
    }

    fn at(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }
}

/// Leaf directly below a CA.
fn two(name: &str, ca: &Draft, leaf: &Draft) -> Case {
    let ca = ca.self_signed();
    Case::new(name, &[&leaf.signed_by(&ca)], &[&ca])
}

/// Leaf below an intermediate certificate, which the server presents too.
fn three(name: &str, ca: &Draft, intermediate: &Draft, leaf: &Draft) -> Case {
    let ca = ca.self_signed();
    let intermediate = intermediate.signed_by(&ca);
    Case::new(
        name,
        &[&leaf.signed_by(&intermediate), &intermediate],
        &[&ca],
    )
}

fn ca() -> Draft {
    Draft::ca("root")
}

fn between() -> Draft {
    Draft::ca("between")
}

fn leaf() -> Draft {
    Draft::leaf()
}

fn valid(draft: Draft, from: &str, to: &str) -> Draft {
    Draft {
        validity: (from.to_owned(), to.to_owned()),
        ..draft
    }
}

/// All chains that were written by hand.
pub(crate) fn all() -> Vec<Case> {
    let groups = [
        signing::whole(),
        signing::algorithms(),
        signing::identifiers(),
        usages::authorities(),
        usages::leaves(),
        usages::constraints(),
        usages::times(),
        hosts::hosts(),
        hosts::names_of_issuers(),
        files::ca_files(),
    ];
    groups.into_iter().flatten().collect()
}
