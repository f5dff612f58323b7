//! Where a `PostgreSQL` server listens.

use std::fmt;
use std::str::FromStr;

use tls_certificates::x509::Host;

/// Host and port of a `PostgreSQL` server, as in `orders-rw.databases.svc:5432` or `[::1]:5432`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Its name or IP address.
    pub host: Host,
    /// Its port; `PostgreSQL`'s own where none is given.
    pub port: u16,
}

/// The port that `PostgreSQL` listens on unless told otherwise.
const DEFAULT_PORT: u16 = 5432;

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_str();
        if host.contains(':') {
            write!(f, "[{host}]:{}", self.port)
        } else {
            write!(f, "{host}:{}", self.port)
        }
    }
}

/// A text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `host:port`, such as `orders-rw.databases.svc:5432`, and no URL")]
pub struct InvalidServerAddress;

impl FromStr for ServerAddress {
    type Err = InvalidServerAddress;

    fn from_str(text: &str) -> Result<Self, InvalidServerAddress> {
        let (host, port) = match text.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or(InvalidServerAddress)?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0),
            None if port.is_empty() => Some(DEFAULT_PORT),
            None => None,
        };
        let host = host.parse().map_err(|_| InvalidServerAddress)?;
        Ok(Self { host, port: port.ok_or(InvalidServerAddress)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_port_may_be_left_out() {
        let shown = |text: &str| text.parse::<ServerAddress>().unwrap().to_string();

        assert_eq!(shown("orders-rw.databases.svc"), "orders-rw.databases.svc:5432");
        assert_eq!(shown("10.0.0.1:6432"), "10.0.0.1:6432");
        assert_eq!(shown("[::1]"), "[::1]:5432");
        assert_eq!(shown("[::1]:6432"), "[::1]:6432");
    }

    #[test]
    fn what_is_no_host_and_port_is_rejected() {
        for text in ["", ":5432", "host:", "host:0", "host:65536", "::1", "[::1]5432", "[]:1"] {
            assert_eq!(text.parse::<ServerAddress>(), Err(InvalidServerAddress), "{text}");
        }
        for text in ["postgresql://host", "user:secret@host", "a b:1", "host:1:2", "[::1"] {
            assert_eq!(text.parse::<ServerAddress>(), Err(InvalidServerAddress), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[\[\]a-z0-9.:]{0,20}\PC{0,3}") {
            let _ = text.parse::<ServerAddress>();
        }
    }
}
