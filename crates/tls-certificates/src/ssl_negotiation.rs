//! Start of TLS with a `PostgreSQL` server.

use std::str::FromStr;

/// Start of TLS with a `PostgreSQL` server, in the words of libpq's `sslnegotiation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslNegotiation {
    /// `postgres`: after a request in `PostgreSQL`'s own protocol, which every version knows.
    #[default]
    Postgres,
    /// `direct`: at once, from `PostgreSQL` 17 on.
    Direct,
}

/// Error for a text that names no negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `postgres` or `direct`")]
pub struct InvalidSslNegotiation;

impl FromStr for SslNegotiation {
    type Err = InvalidSslNegotiation;

    fn from_str(text: &str) -> Result<Self, InvalidSslNegotiation> {
        match text {
            "postgres" => Ok(Self::Postgres),
            "direct" => Ok(Self::Direct),
            _ => Err(InvalidSslNegotiation),
        }
    }
}
