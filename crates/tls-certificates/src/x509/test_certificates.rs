//! Certificates made for tests.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "a test that cannot go on has failed"
)]

use std::ops::Range;

use chrono::{DateTime, Utc};
use openssl::x509::X509;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// The moment of the tests, as of which what is made is valid unless told otherwise.
pub fn now() -> DateTime<Utc> {
    "2030-06-15T12:00:00Z".parse().unwrap()
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// The certificate, PEM.
    pub pem: String,
    /// Its private key, PEM.
    pub key: String,
    /// The certificate, decoded.
    pub certificate: X509,
}

/// Returns the parameters of a leaf or an authority.
pub fn params(name: &str, years: Range<i32>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    params
}

/// A leaf for `localhost` and 127.0.0.1.
pub fn leaf_params(name: &str, years: Range<i32>) -> CertificateParams {
    let hosts = ["localhost", "127.0.0.1"].map(str::to_owned);
    let mut params = params(name, years);
    params.subject_alt_names = CertificateParams::new(hosts).unwrap().subject_alt_names;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn authority_params(name: &str, years: Range<i32>) -> CertificateParams {
    let mut params = params(name, years);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// Authority that signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Creates an authority that is valid at the moment of the tests.
    pub fn new(name: &str) -> Self {
        Self::of_years(name, 2020..2040)
    }

    /// Creates an authority that is valid from the start of one year to the start of another.
    pub fn of_years(name: &str, years: Range<i32>) -> Self {
        let (params, key) = (authority_params(name, years), KeyPair::generate().unwrap());
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Issues an authority below this one, valid between two years.
    pub fn intermediate(&self, name: &str, years: Range<i32>) -> Self {
        let (params, key) = (authority_params(name, years), KeyPair::generate().unwrap());
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    /// Returns its certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Returns its certificate, decoded.
    pub fn certificate(&self) -> X509 {
        read(self.0.der())
    }

    /// Issues a certificate.
    pub fn sign(&self, params: &CertificateParams) -> IssuedCertificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        IssuedCertificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
            certificate: read(certificate.der()),
        }
    }

    /// A server's certificate from 2030 to 2031.
    pub fn leaf(&self) -> IssuedCertificate {
        self.sign(&leaf_params("server", 2030..2031))
    }
}

fn read(der: &[u8]) -> X509 {
    X509::from_der(der).unwrap()
}

/// A leaf of version 1 for `db.example`, its key and its CA: as `PostgreSQL`'s manual has them made
/// with `OpenSSL` 3.0, for a hundred years.
pub fn version_1() -> (IssuedCertificate, IssuedCertificate) {
    let made = |pem: &str, key: &str| IssuedCertificate {
        pem: pem.to_owned(),
        key: key.to_owned(),
        certificate: X509::from_pem(pem.as_bytes()).unwrap(),
    };
    (made(VERSION_1, VERSION_1_KEY), made(VERSION_1_CA, ""))
}

const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBJzCBzwIUWGM/g7fP2a+E1yh1qraeympt2hQwCgYIKoZIzj0EAwIwFzEVMBMG
A1UEAwwMdmVyc2lvbi0xLWNhMCAXDTI2MTEyNDE5MzMxNVoYDzIxMjYxMDMxMTkz
MzE1WjAVMRMwEQYDVQQDDApkYi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAE5Gda5bZ94b0aPf6CoQaId2ljfi6dTRQZ8b9MXxcJeptNU69fyJT8Cmw5
5FZ3Wz9JYtRRMQzJOCHm6yjPbyKqHjAKBggqhkjOPQQDAgNHADBEAiAk6/+ALXHg
9c0k+AXErsn9bUOl8BS+0vZVyJsPPUFxYgIgfYfx4aPvipwa8YhW6IV+uKaXjkJA
hZTxyIAJZmvuH10=
-----END CERTIFICATE-----";

const VERSION_1_CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIBhjCCASugAwIBAgIUdpzXBdXZjEOYfuz6I9n2ZMNuX5gwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMdmVyc2lvbi0xLWNhMCAXDTI2MTEyNDE5MzMxNVoYDzIxMjYx
MDMxMTkzMzE1WjAXMRUwEwYDVQQDDAx2ZXJzaW9uLTEtY2EwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAT0/GlePilFMCDYNHnfEjeWnLhSfDANm083eNPMyJ4N/ezW
k3JPW4kyg4z/Jx+HjKOW9/4+FOcuL8cm4HxSPdlho1MwUTAdBgNVHQ4EFgQU0B7+
fdXG07YJIHDb7bV4h6Mz5r4wHwYDVR0jBBgwFoAU0B7+fdXG07YJIHDb7bV4h6Mz
5r4wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA9CHbGANCXdOn
PhNyXCmmBJ6JtMQbs0/QUQ6cMKYtXfgCIQD5tJJoI4m4QBeQgWpJevtb838DEeZd
7G9LMj2EoJUlUQ==
-----END CERTIFICATE-----";

/// Good for nothing but tests.
const VERSION_1_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7V3r0Ycj8Ls4znTK
q0CmUmghGBcgSVyWRqOlK+drJMShRANCAATkZ1rltn3hvRo9/oKhBoh3aWN+Lp1N
FBnxv0xfFwl6m01Tr1/IlPwKbDnkVndbP0li1FExDMk4IebrKM9vIqoe
-----END PRIVATE KEY-----";
