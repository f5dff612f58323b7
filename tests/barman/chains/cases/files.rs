//! CA files of all kinds.

use super::{Case, ca, leaf};
use crate::chains::certificate::Draft;

pub(super) fn ca_files() -> Vec<Case> {
    let root = ca().self_signed();
    let with_ca = |name: &str, text: String| {
        let mut case = Case::new(name, &[&leaf().signed_by(&root)], &[&root]);
        case.ca = text;
        case
    };
    let (pem, other) = (root.pem(), Draft::ca("other").self_signed());
    let cut_off = other.pem().get(..200).unwrap().to_owned();
    vec![
        with_ca(
            "X509 CERTIFICATE",
            pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
        ),
        with_ca(
            "TRUSTED CERTIFICATE",
            pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        ),
        with_ca(
            "a CA that its file rejects for servers",
            root.pem_rejected_for("serverAuth"),
        ),
        with_ca(
            "a CA that its file rejects for clients",
            root.pem_rejected_for("clientAuth"),
        ),
        with_ca(
            "a revocation list besides the CA",
            format!("{pem}{}", root.revocation_list()),
        ),
        with_ca("text around the CA", format!("a note\n{pem}and another\n")),
        with_ca("a key besides the CA", format!("{}{pem}", other.key_pem())),
        with_ca("another CA besides", format!("{}{pem}", other.pem())),
        with_ca("a CA file that is cut off", format!("{pem}{cut_off}")),
        with_ca(
            "a CA file with half a line at its end",
            format!("{pem}-----BEGIN CERTIFI"),
        ),
        with_ca(
            "a CA file with a label at its end",
            format!("{pem}-----BEGIN CERTIFICATE-----\n"),
        ),
        with_ca(
            "a CA file with something else under the label",
            format!("{pem}-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"),
        ),
        with_ca(
            "a CA file with Windows line ends",
            pem.replace('\n', "\r\n"),
        ),
        with_ca("a key alone as CA file", other.key_pem()),
        with_ca("an empty CA file", String::new()),
    ]
}
