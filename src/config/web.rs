//! Settings of the HTTP server.

use super::listen_address::ListenAddress;
use super::section::Section;

/// HTTP server: its address, and its limit of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct WebConfig {
    /// Address and port to listen on: `address:port`, or `:port` for every address of the machine.
    /// An IPv6 address stands in brackets. Default: `:10432`, every address of IPv6 and IPv4.
    #[cfg_attr(test, schemars(with = "String"))]
    pub listen_address: ListenAddress,
    /// Maximum number of connections that are served at once; more wait until one ends. From 1 to
    /// 10000. Default: 512.
    #[cfg_attr(test, schemars(range(min = 1, max = 10_000)))]
    pub max_connections: u32,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen_address: ListenAddress::default(),
            max_connections: 512,
        }
    }
}

impl WebConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            listen_address: section
                .text("listenAddress", str::parse)
                .unwrap_or(default.listen_address),
            max_connections: section
                .number("maxConnections", 1..=10_000)
                .unwrap_or(default.max_connections),
        };
        section.finish();
        config
    }
}
