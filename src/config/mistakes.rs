//! Mistakes of a configuration, and their origins.

use std::fmt;
use std::path::PathBuf;

/// Origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    /// The configuration file.
    File(PathBuf),
    /// An environment variable of this name.
    Environment(String),
    /// A flag on the command line, with its dashes.
    Flag(String),
    /// No source in particular, as for a setting that is missing everywhere.
    Unknown,
}

/// One mistake of a configuration. Never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Key, as in `archives[0].destinationPath`; empty if the file as a whole is wrong.
    pub key: String,
    /// Problem with the value, and remedy.
    pub message: String,
    /// Origin of the value.
    pub origin: ValueOrigin,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            message,
            origin,
        } = self;
        match (key.as_str(), origin) {
            ("", ValueOrigin::File(path)) => write!(f, "{}: {message}", path.display()),
            (_, ValueOrigin::File(path)) => write!(f, "{key}: {message} (in {})", path.display()),
            (_, ValueOrigin::Environment(name)) => write!(f, "{key}: {message} (from ${name})"),
            (_, ValueOrigin::Flag(name)) => write!(f, "{name}: {message}"),
            ("", ValueOrigin::Unknown) => f.write_str(message),
            (_, ValueOrigin::Unknown) => write!(f, "{key}: {message}"),
        }
    }
}

/// Every mistake of a configuration, at least one; shown one per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Returns the mistakes; `None` if there are none.
    #[must_use]
    pub fn from_list(mistakes: Vec<Mistake>) -> Option<Self> {
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    /// Each mistake, in the order of the documentation.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// The longest text of a value that a message repeats, in characters.
const SHOWN_CHARACTERS: usize = 120;

/// Returns a text from outside in a form that messages may show: short, on one line, without
/// credentials.
///
/// Withholds everything before the last `@`, except a scheme; and in a URL everything after a `?` or
/// `#`, and a port that is not a number: there URLs carry secrets. An `@` at the very start, as in
/// `@daily`, has nothing before it.
pub(super) fn shown(text: &str) -> String {
    let is_url = text.contains("://");
    let text = withhold_userinfo(text);
    let text = if is_url {
        withhold_port(&withhold_query(&text))
    } else {
        text
    };
    let mut short: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!(
        "`{}`",
        short
            .escape_debug()
            .to_string()
            .replace("\\\"", "\"")
            .replace("\\'", "'")
    )
}

fn withhold_userinfo(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let is_scheme = |name: &str| {
        name.chars()
            .all(|character| character.is_ascii_alphanumeric())
    };
    let (scheme, userinfo) = match before.split_once("://") {
        Some((name, userinfo)) if is_scheme(name) => (format!("{name}://"), userinfo),
        Some(_) | None => (String::new(), before),
    };
    if userinfo.trim().is_empty() {
        return text.to_owned();
    }
    format!("{scheme}[withheld]@{host}")
}

fn withhold_query(text: &str) -> String {
    match text.split_at_checked(text.find(['?', '#']).map_or(text.len(), |at| at + 1)) {
        Some((before, after)) if !after.is_empty() => format!("{before}[withheld]"),
        Some(_) | None => text.to_owned(),
    }
}

/// Withholds a port that is not a number: without a host, the password is in the place of the port.
fn withhold_port(text: &str) -> String {
    let authority = text.find("://").map_or(0, |at| at + "://".len());
    let Some((scheme, rest)) = text.split_at_checked(authority) else {
        return text.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.bytes().all(|c| c.is_ascii_digit() || c == b']') => {
            format!("{scheme}{host}:[withheld]{path}")
        }
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_logs_one_in_is_never_shown() {
        assert_eq!(
            shown("https://key:secret@host/x"),
            "`https://[withheld]@host/x`"
        );
        assert_eq!(
            shown("https://key:se/cr@et@host"),
            "`https://[withheld]@host`"
        );
        assert_eq!(shown("key:secret@host"), "`[withheld]@host`");
        assert_eq!(
            shown("s3://bucket?X-Amz-Signature=1"),
            "`s3://bucket?[withheld]`"
        );
        assert_eq!(shown("https://host/#se?cret"), "`https://host/#[withheld]`");
        assert_eq!(shown("https://key:secret"), "`https://key:[withheld]`");
        assert_eq!(
            shown("https://key:secret/path"),
            "`https://key:[withheld]/path`"
        );
        assert_eq!(shown("https://[::1]:9000/a:b"), "`https://[::1]:9000/a:b`");
        assert_eq!(shown("https://[::1]:secret"), "`https://[::1]:[withheld]`");
        assert_eq!(
            shown("k:s@host,http://k:s@host?s=1"),
            "`[withheld]@host?[withheld]`"
        );
        assert_eq!(shown("@key:secret@host"), "`[withheld]@host`");
    }

    #[test]
    fn where_nothing_stands_before_an_at_sign_nothing_is_withheld() {
        for text in [
            "@evry 5m",
            "@30d",
            "@utc",
            " @daily",
            "https://@host",
            "a?b",
        ] {
            assert_eq!(shown(text), format!("`{text}`"));
        }
    }

    proptest! {
        #[test]
        fn what_stands_before_the_host_is_never_shown(
            before in "(|https://|s3://|postgresql://)",
            user in "[a-z0-9:@/? .%-]{0,20}",
            secret in "[A-Z]{6,12}",
            more in "[a-z0-9:@/?.%-]{0,20}",
            host in "[a-z0-9./?=:-]{0,30}",
        ) {
            // Without a scheme, a word before `://` looks like one.
            prop_assume!(!before.is_empty() || !more.contains("://"));

            let shown = shown(&format!("{before}{user}{secret}{more}@{host}"));

            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }

    #[test]
    fn a_text_is_shown_on_one_line_and_short() {
        assert_eq!(shown("a\nb\"c"), "`a\\nb\"c`");
        assert_eq!(
            shown(&"x".repeat(500)).chars().count(),
            SHOWN_CHARACTERS + 3
        );
    }
}
