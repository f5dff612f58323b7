//! URL of an object storage other than Amazon's.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Scheme, host, port and, if present, path of an object storage.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// Name or address of the host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The URL without the slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({self})")
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reason why a text is not an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpointUrl {
    /// Text that is not a URL of HTTP.
    #[error("expected `https://host[:port][/path]` or `http://host[:port][/path]`")]
    Form,
    /// A user or password in the URL: they would show in the process list and in logs.
    #[error("expected a URL without user and password; put them into files under `credentials`")]
    Userinfo,
    /// A query or fragment.
    #[error("expected a URL without `?` and `#`")]
    Rest,
}

impl FromStr for EndpointUrl {
    type Err = InvalidEndpointUrl;

    fn from_str(text: &str) -> Result<Self, InvalidEndpointUrl> {
        let url = Url::parse(text).map_err(|_| InvalidEndpointUrl::Form)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidEndpointUrl::Form);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpointUrl::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidEndpointUrl::Rest);
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_a_host_is_an_endpoint() {
        for text in [
            "https://s3.example.org",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000",
            "https://example.org/storage/v1/s3",
        ] {
            let endpoint: EndpointUrl = text.parse().unwrap();
            assert_eq!(endpoint.as_str(), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn what_is_more_or_less_than_a_host_is_rejected() {
        let error = |text: &str| text.parse::<EndpointUrl>().unwrap_err();
        for text in [
            "",
            "s3.example.org",
            "s3.example.org:9000",
            "s3://bucket",
            "https://",
        ] {
            assert_eq!(error(text), InvalidEndpointUrl::Form, "{text}");
        }
        assert_eq!(
            error("https://key:secret@host"),
            InvalidEndpointUrl::Userinfo
        );
        for text in ["https://host/?a", "https://host/#a", "https://host/path?a"] {
            assert_eq!(error(text), InvalidEndpointUrl::Rest, "{text}");
        }
    }
}
