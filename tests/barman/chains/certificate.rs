//! Certificates with every property at will.

use std::fs;
use std::process::Command;

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time, Asn1Type};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Extension, X509Name};
use tempfile::TempDir;

use crate::chains::der;

/// Object identifiers of extensions.
pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
pub(crate) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const CERTIFICATE_POLICIES: &str = "2.5.29.32";
/// Object identifier of an unknown extension.
pub(crate) const UNKNOWN: &str = "1.2.3.4.5";

/// Kind of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Curve(Nid),
    Rsa(u32),
    Ed25519,
    Ed448,
}

/// Part of a distinguished name.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) kind: Nid,
    pub(crate) encoding: Asn1Type,
    pub(crate) text: String,
}

/// Certificate to make.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) subject: Vec<Attribute>,
    /// Name of the issuer, if it is not written as in the issuer's own certificate.
    pub(crate) issuer: Option<Vec<Attribute>>,
    pub(crate) key: Kind,
    pub(crate) digest: Option<MessageDigest>,
    pub(crate) version: i32,
    pub(crate) serial: i32,
    /// First and last moment, as `YYYYMMDDHHMMSSZ`.
    pub(crate) validity: (String, String),
    /// Object identifier, whether it is critical, value.
    pub(crate) extensions: Vec<(&'static str, bool, Vec<u8>)>,
}

/// Certificate with its key.
#[derive(Clone, Debug)]
pub(crate) struct IssuedCertificate {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

impl Kind {
    fn generate(self) -> PKey<Private> {
        match self {
            Self::Curve(curve) => {
                let group = EcGroup::from_curve_name(curve).unwrap();
                PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
            }
            Self::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(),
            Self::Ed25519 => PKey::generate_ed25519().unwrap(),
            Self::Ed448 => PKey::generate_ed448().unwrap(),
        }
    }
}

impl Attribute {
    pub(crate) fn common_name(text: &str) -> Self {
        Self {
            kind: Nid::COMMONNAME,
            encoding: Asn1Type::UTF8STRING,
            text: text.to_owned(),
        }
    }
}

fn name(attributes: &[Attribute]) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    for Attribute {
        kind,
        encoding,
        text,
    } in attributes
    {
        name.append_entry_by_nid_with_type(*kind, text, *encoding)
            .unwrap();
    }
    name.build()
}

impl Draft {
    /// Correct CA certificate, valid for decades.
    pub(crate) fn ca(common_name: &str) -> Self {
        Self::new(common_name)
            .with(BASIC_CONSTRAINTS, true, der::basic_constraints(true, None))
            .with(KEY_USAGE, true, der::key_usage(&[5, 6]))
    }

    /// Correct certificate of a server at `localhost`.
    pub(crate) fn leaf() -> Self {
        Self::new("localhost").named(&[der::dns(b"localhost")])
    }

    fn new(common_name: &str) -> Self {
        Self {
            subject: vec![Attribute::common_name(common_name)],
            issuer: None,
            key: Kind::Curve(Nid::X9_62_PRIME256V1),
            digest: Some(MessageDigest::sha256()),
            version: 2,
            serial: 7,
            validity: ("20200101000000Z".to_owned(), "20900101000000Z".to_owned()),
            extensions: Vec::new(),
        }
    }

    /// Sets an extension, and replaces any of its kind.
    pub(crate) fn with(mut self, id: &'static str, is_critical: bool, value: Vec<u8>) -> Self {
        self.extensions.retain(|(other, ..)| *other != id);
        self.extensions.push((id, is_critical, value));
        self
    }

    pub(crate) fn without(mut self, id: &'static str) -> Self {
        self.extensions.retain(|(other, ..)| *other != id);
        self
    }

    pub(crate) fn named(self, names: &[Vec<u8>]) -> Self {
        self.with(SUBJECT_ALT_NAME, false, der::sequence(names))
    }

    pub(crate) fn signed_by(&self, issuer: &IssuedCertificate) -> IssuedCertificate {
        self.make(Some(issuer))
    }

    pub(crate) fn self_signed(&self) -> IssuedCertificate {
        self.make(None)
    }

    fn make(&self, issuer: Option<&IssuedCertificate>) -> IssuedCertificate {
        let key = self.key.generate();
        let subject = name(&self.subject);
        let mut builder = X509::builder().unwrap();
        builder.set_version(self.version).unwrap();
        let serial = BigNum::from_dec_str(&self.serial.to_string()).unwrap();
        builder
            .set_serial_number(&serial.to_asn1_integer().unwrap())
            .unwrap();
        builder.set_subject_name(&subject).unwrap();
        match (&self.issuer, issuer) {
            (Some(written), _) => builder.set_issuer_name(&name(written)).unwrap(),
            (None, Some(issuer)) => {
                builder
                    .set_issuer_name(issuer.certificate.subject_name())
                    .unwrap();
            }
            (None, None) => builder.set_issuer_name(&subject).unwrap(),
        }
        let moment = |text: &str| Asn1Time::from_str(text).unwrap();
        builder.set_not_before(&moment(&self.validity.0)).unwrap();
        builder.set_not_after(&moment(&self.validity.1)).unwrap();
        builder.set_pubkey(&key).unwrap();
        for (id, is_critical, value) in &self.extensions {
            let id = Asn1Object::from_str(id).unwrap();
            let value = Asn1OctetString::new_from_bytes(value).unwrap();
            let extension = X509Extension::new_from_der(&id, *is_critical, &value).unwrap();
            builder.append_extension(extension).unwrap();
        }
        let signer = issuer.map_or(&key, |issuer| &issuer.key);
        if matches!(signer.id(), Id::ED25519 | Id::ED448) {
            // The library cannot sign without a digest, the program can. It wants a certificate that is
            // signed by itself.
            builder.set_issuer_name(&subject).unwrap();
            let stand_in = Kind::Curve(Nid::X9_62_PRIME256V1).generate();
            let own = if issuer.is_some() { &key } else { &stand_in };
            builder.sign(own, MessageDigest::sha256()).unwrap();
            return sign_by_program(
                &IssuedCertificate {
                    certificate: builder.build(),
                    key,
                },
                issuer,
            );
        }
        builder.sign(signer, self.digest.unwrap()).unwrap();
        IssuedCertificate {
            certificate: builder.build(),
            key,
        }
    }
}

/// Signs a certificate anew with the `openssl` program.
fn sign_by_program(
    made: &IssuedCertificate,
    issuer: Option<&IssuedCertificate>,
) -> IssuedCertificate {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("certificate.pem"), made.pem()).unwrap();
    let sign = "x509 -preserve_dates -set_serial 7 -in certificate.pem";
    let signed = if let Some(issuer) = issuer {
        fs::write(path("ca.pem"), issuer.pem()).unwrap();
        fs::write(path("ca.key"), issuer.key_pem()).unwrap();
        openssl(&folder, &format!("{sign} -CA ca.pem -CAkey ca.key"))
    } else {
        fs::write(path("own.key"), made.key_pem()).unwrap();
        openssl(&folder, &format!("{sign} -signkey own.key"))
    };
    IssuedCertificate {
        certificate: X509::from_pem(signed.as_bytes()).unwrap(),
        key: made.key.clone(),
    }
}

/// Runs the `openssl` program in a folder, and returns its output.
fn openssl(folder: &TempDir, arguments: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(folder);
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

impl IssuedCertificate {
    pub(crate) fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    pub(crate) fn key_pem(&self) -> String {
        String::from_utf8(self.key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }

    /// Returns the certificate in PEM form with a setting for which purposes it is not trusted.
    pub(crate) fn pem_rejected_for(&self, purpose: &str) -> String {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), self.pem()).unwrap();
        openssl(
            &folder,
            &format!("x509 -in ca.pem -trustout -addreject {purpose}"),
        )
    }

    /// Returns a list of certificates that this CA has revoked, which is empty, in PEM form.
    pub(crate) fn revocation_list(&self) -> String {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", self.pem());
        write("ca.key", self.key_pem());
        write("database", String::new());
        let section = "database = database\ndefault_md = sha256\ndefault_crl_days = 3650\n";
        write(
            "ca.cnf",
            format!("[ca]\ndefault_ca = own\n[own]\n{section}"),
        );
        openssl(
            &folder,
            "ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key",
        )
    }
}
