//! Patterns that match the names of servers.

use std::fmt;
use std::str::FromStr;

use glob::Pattern;

/// Name of a server, or a pattern that matches several: `*`, `?` and `[…]` as in a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPattern(Pattern);

/// Text that is neither a name nor a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a server, or a pattern such as `old-*` that makes sense")]
pub struct InvalidServerPattern;

impl ServerPattern {
    /// Returns whether the pattern matches this server.
    #[must_use]
    pub fn matches(&self, server: &str) -> bool {
        self.0.matches(server)
    }
}

impl FromStr for ServerPattern {
    type Err = InvalidServerPattern;

    fn from_str(text: &str) -> Result<Self, InvalidServerPattern> {
        let is_blank = text.trim().is_empty() || text.contains(char::is_control);
        match Pattern::new(text) {
            Ok(pattern) if !is_blank => Ok(Self(pattern)),
            Ok(_) | Err(_) => Err(InvalidServerPattern),
        }
    }
}

impl fmt::Display for ServerPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, server: &str) -> bool {
        pattern.parse::<ServerPattern>().unwrap().matches(server)
    }

    #[test]
    fn a_name_stands_for_itself_alone() {
        assert!(matches("orders", "orders"));
        assert!(!matches("orders", "orders-2"));
        assert!(!matches("orders", "Orders"));
    }

    #[test]
    fn a_pattern_stands_for_every_name_that_fits() {
        assert!(matches("old-*", "old-orders"));
        assert!(!matches("old-*", "orders-old"));
        assert!(matches("pg1[0-3]", "pg12"));
        assert!(!matches("pg1[0-3]", "pg17"));
        assert!(matches("*", "any/name"));
    }

    #[test]
    fn neither_a_blank_nor_a_broken_pattern_is_one() {
        for text in ["", " ", "a\nb", "[", "a***b"] {
            assert_eq!(
                text.parse::<ServerPattern>(),
                Err(InvalidServerPattern),
                "{text:?}"
            );
        }
    }
}
