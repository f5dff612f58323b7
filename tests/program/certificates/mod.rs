//! Certificates as the program watches them: in files that are swapped, and at the endpoint of an archive; and what `check` says of them.

#![expect(clippy::unwrap_used, reason = "a test may end so")]

mod check;
mod endpoints;
mod files;
