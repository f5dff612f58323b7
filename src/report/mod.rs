//! The result of one scan.
