//! Text of an error with its causes, on one line: for logs, results and metrics pages.
//!
//! ```
//! let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
//! assert_eq!(error_causes::with_causes(&cause), "entity not found");
//! ```

use std::error::Error;

/// Returns the text of an error, followed by the texts of its causes, each after a colon.
///
/// A cause whose text is already part of the line is left out. Control characters become spaces.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next_cause = error.source();
    while let Some(cause) = next_cause {
        let text = cause.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next_cause = cause.source();
    }
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Failure(&'static str, Option<Box<Failure>>);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failure {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            let cause = self.1.as_deref()?;
            Some(cause)
        }
    }

    fn caused_by(text: &'static str, cause: Failure) -> Failure {
        Failure(text, Some(Box::new(cause)))
    }

    #[test]
    fn causes_follow_in_their_order() {
        let refused = Failure("connection refused", None);
        let error = caused_by("the scan failed", caused_by("the store is away", refused));

        let line = with_causes(&error);

        assert_eq!(
            line,
            "the scan failed: the store is away: connection refused"
        );
    }

    #[test]
    fn a_repeated_cause_is_left_out() {
        let error = caused_by("no answer: timed out", Failure("timed out", None));

        assert_eq!(with_causes(&error), "no answer: timed out");
    }

    #[test]
    fn the_text_stays_on_one_line() {
        let error = caused_by("bad file", Failure("line 1\nline 2", None));

        assert_eq!(with_causes(&error), "bad file: line 1 line 2");
    }
}
