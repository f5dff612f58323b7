//! Encoding of keys and tokens in answers.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters that `encoding-type=url` escapes: all except the slash and those that Java's
/// `URLEncoder` leaves.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*')
    .remove(b'/');

/// Encoding of the keys in one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyEncoding {
    /// Keys as they are.
    Plain,
    /// Percent-encoded, a space as `+`: the way of AWS.
    UrlWithPlus,
    /// Percent-encoded, a space as `%20`: the way of some other stores.
    UrlWithPercent,
}

impl KeyEncoding {
    pub(crate) fn apply(self, text: &str) -> String {
        let escaped = || utf8_percent_encode(text, ESCAPED).to_string();
        match self {
            Self::Plain => text.to_owned(),
            Self::UrlWithPlus => escaped().replace("%20", "+"),
            Self::UrlWithPercent => escaped(),
        }
    }

    /// Encodes an optional text.
    pub(crate) fn apply_to(self, text: Option<&str>) -> Option<String> {
        text.map(|text| self.apply(text))
    }
}

/// Continuation token of a page that ended with `name`.
///
/// It holds percent signs and a plus, so that it survives only clients that escape it.
pub(crate) fn token_after(name: &str) -> String {
    format!("1+{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// Name that a token was created from; `None` if the token is not from this server.
pub(crate) fn name_in_token(token: &str) -> Option<String> {
    let name = percent_decode_str(token.strip_prefix("1+")?)
        .decode_utf8()
        .ok()?;
    Some(name.into_owned())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
