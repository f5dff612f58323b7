//! The host that a client connects to.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use rustls_pki_types::ServerName;

/// Name or IP address of a host, as it was written: to clients, a dot at the end makes a difference.
#[derive(Clone, PartialEq, Eq)]
pub struct Host {
    text: String,
    address: Option<IpAddr>,
}

/// A text is neither a host's name nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name or an IP address")]
pub struct InvalidHost;

impl Host {
    /// Returns the name or address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the address; `None` for a name.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let parsed = ServerName::try_from(text).map_err(|_| InvalidHost)?;
        let address = if let ServerName::IpAddress(address) = parsed {
            Some(address.into())
        } else {
            None
        };
        Ok(Self {
            text: text.to_owned(),
            address,
        })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.text).finish()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
