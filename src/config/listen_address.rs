//! The address to listen on, in the forms that Prometheus programs take.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// An address to listen on: `0.0.0.0:10432`, `[::1]:10432`, `localhost:10432` or `:10432`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    host: ListenHost,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListenHost {
    /// Every address of the machine.
    Any,
    /// The machine itself only.
    Localhost,
    /// This address.
    One(IpAddr),
}

impl ListenAddress {
    /// Addresses to bind: the first one that works is used.
    ///
    /// `:10432` means IPv6, which takes IPv4 in as well, and IPv4 alone where there is no IPv6.
    #[must_use]
    pub fn socket_addresses(self) -> Vec<SocketAddr> {
        let hosts: &[IpAddr] = match self.host {
            ListenHost::Any => &[
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ],
            ListenHost::Localhost => &[
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ],
            ListenHost::One(address) => return vec![SocketAddr::new(address, self.port)],
        };
        hosts
            .iter()
            .map(|host| SocketAddr::new(*host, self.port))
            .collect()
    }
}

impl Default for ListenAddress {
    fn default() -> Self {
        Self {
            host: ListenHost::Any,
            port: 10432,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            ListenHost::Any => write!(f, ":{}", self.port),
            ListenHost::Localhost => write!(f, "localhost:{}", self.port),
            ListenHost::One(address) => SocketAddr::new(address, self.port).fmt(f),
        }
    }
}

/// Error for a text that is not an address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `address:port`, such as `0.0.0.0:10432`, `[::]:10432` or `:10432`")]
pub struct InvalidListenAddress;

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    fn from_str(text: &str) -> Result<Self, InvalidListenAddress> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self {
                host: ListenHost::One(address.ip()),
                port: address.port(),
            });
        }
        let (host, port) = text.split_once(':').ok_or(InvalidListenAddress)?;
        let host = match host {
            "" => ListenHost::Any,
            "localhost" => ListenHost::Localhost,
            _ => return Err(InvalidListenAddress),
        };
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or(InvalidListenAddress)?;
        Ok(Self { host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_read_and_written() {
        for text in [
            "0.0.0.0:10432",
            "[::]:10432",
            "[::1]:1",
            ":10432",
            "localhost:0",
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_rejected() {
        for text in [
            "",
            "10432",
            "0.0.0.0",
            ":",
            ":65536",
            ":+1",
            "example.org:1",
            "::1:1",
        ] {
            assert_eq!(
                text.parse::<ListenAddress>(),
                Err(InvalidListenAddress),
                "{text}"
            );
        }
    }

    #[test]
    fn a_port_alone_means_every_address() {
        let address: ListenAddress = ":10432".parse().unwrap();

        let all = address.socket_addresses();

        assert_eq!(
            all,
            [
                "[::]:10432".parse().unwrap(),
                "0.0.0.0:10432".parse().unwrap()
            ]
        );
        assert_eq!(ListenAddress::default(), address);
    }
}
