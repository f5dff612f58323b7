//! Address of a store that is reached by TLS.

/// Where the requests for an archive go, by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsEndpoint {
    /// Name or IP address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}
