//! Chains of all kinds, right and wrong.

#![expect(clippy::too_many_lines, reason = "they are tables")]

mod drawn;
mod files;
mod hosts;
mod signing;
mod usages;

use crate::certificate::{Draft, Made};

pub(crate) use drawn::drawn;

/// Chain that a server presents, and CA file that a client verifies it with.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The leaf and the others, PEM.
    pub(crate) chain: String,
    /// Key of the leaf, PEM.
    pub(crate) key: String,
    /// Content of the CA file.
    pub(crate) ca: String,
    /// Name that the client connects to.
    pub(crate) host: String,
    /// True if the leaf is for clients: then psql has no say in whether a file with it is good.
    pub(crate) is_clients: bool,
}

impl Case {
    fn new(name: &str, chain: &[&Made], ca: &[&Made]) -> Self {
        let pem = |all: &[&Made]| all.iter().map(|made| made.pem()).collect::<String>();
        Self {
            name: name.to_owned(),
            chain: pem(chain),
            key: chain[0].key_pem(),
            ca: pem(ca),
            host: "localhost".to_owned(),
            is_clients: false,
        }
    }

    fn at(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }
}

/// A leaf right below a CA.
fn two(name: &str, ca: &Draft, leaf: &Draft) -> Case {
    let ca = ca.self_signed();
    Case::new(name, &[&leaf.signed_by(&ca)], &[&ca])
}

/// A leaf below an intermediate, which the server presents too.
fn three(name: &str, ca: &Draft, intermediate: &Draft, leaf: &Draft) -> Case {
    let ca = ca.self_signed();
    let intermediate = intermediate.signed_by(&ca);
    Case::new(name, &[&leaf.signed_by(&intermediate), &intermediate], &[&ca])
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
    Draft { validity: (from.to_owned(), to.to_owned()), ..draft }
}

/// Every chain that was thought of.
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
