//! Address of a server.

use std::fmt;

use crate::x509::Host;

/// Host and port of a server, as in `orders-rw.databases.svc:5432` or `[::1]:5432`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Name or IP address, without brackets.
    pub host: Host,
    /// Port, from 1 on.
    pub port: u16,
}

/// Error for a text that is not a host, with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `host:port`, such as `orders-rw.databases.svc:5432`, and not a URL")]
pub struct InvalidServerAddress;

impl ServerAddress {
    /// Reads `host`, `host:port`, `[address]` or `[address]:port`. Without a port, it is
    /// `default_port`.
    ///
    /// # Errors
    /// If the text is anything else, such as a URL.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, InvalidServerAddress> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or(InvalidServerAddress)?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let host = host.parse().map_err(|_| InvalidServerAddress)?;
        if rest.is_empty() {
            return Ok(Self {
                host,
                port: default_port,
            });
        }
        let port = rest.strip_prefix(':').ok_or(InvalidServerAddress)?;
        let port: u16 = port.parse().map_err(|_| InvalidServerAddress)?;
        if port == 0 {
            return Err(InvalidServerAddress);
        }
        Ok(Self { host, port })
    }
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_port_may_be_left_out() {
        let shown = |text: &str| ServerAddress::parse(text, 5432).unwrap().to_string();

        assert_eq!(
            shown("orders-rw.databases.svc"),
            "orders-rw.databases.svc:5432"
        );
        assert_eq!(shown("10.0.0.1:6432"), "10.0.0.1:6432");
        assert_eq!(shown("[::1]"), "[::1]:5432");
        assert_eq!(shown("[::1]:6432"), "[::1]:6432");
    }

    #[test]
    fn what_is_no_host_and_port_is_rejected() {
        for text in [
            "",
            ":5432",
            "host:",
            "host:0",
            "host:65536",
            "::1",
            "[::1]5432",
            "[]:1",
        ] {
            assert_eq!(
                ServerAddress::parse(text, 5432),
                Err(InvalidServerAddress),
                "{text}"
            );
        }
        for text in [
            "postgresql://host",
            "user:secret@host",
            "a b:1",
            "host:1:2",
            "[::1",
        ] {
            assert_eq!(
                ServerAddress::parse(text, 5432),
                Err(InvalidServerAddress),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[\[\]a-z0-9.:]{0,20}\PC{0,3}") {
            let _ = ServerAddress::parse(&text, 5432);
        }
    }
}
