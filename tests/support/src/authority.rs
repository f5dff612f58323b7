//! Certificates that the tests issue.

use std::ops::Range;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};

/// Certificate and its key, both in PEM form.
pub struct IssuedCertificate {
    /// Certificate, in PEM form.
    pub pem: String,
    /// Private key, in PEM form.
    pub key: String,
}

/// Certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

fn params(name: &str, years: Range<i32>) -> CertificateParams {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    params
}

impl Authority {
    /// Creates an authority that is valid from 2020 to 2100.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = params(name, 2020..2100);
        params.subject_alt_names.clear();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Returns its certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a certificate for `localhost` and 127.0.0.1, valid from one year to another.
    #[must_use]
    pub fn sign(&self, name: &str, years: Range<i32>) -> IssuedCertificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, years).signed_by(&key, &self.0).unwrap();
        IssuedCertificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Start of a year as a Unix time in seconds, as metrics state it.
#[must_use]
pub fn year(year: i32) -> f64 {
    let seconds = u32::try_from(date_time_ymd(year, 1, 1).unix_timestamp()).unwrap();
    f64::from(seconds)
}
