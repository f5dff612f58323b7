//! Version, revision and compiler of this program.

/// Version of the program, such as `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Revision of the source, such as `abc1234`; `unknown` if it was not known to the build.
pub const REVISION: &str = env!("BUILD_REVISION");

/// Version of the compiler, such as `1.95.0`.
pub const RUSTC: &str = env!("BUILD_RUSTC");

/// All of it, as `--version` shows it after the name.
pub const SUMMARY: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("BUILD_REVISION"),
    ", rustc ",
    env!("BUILD_RUSTC"),
    ")"
);
