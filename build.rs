//! Tells the program which revision it is built from, and by which compiler; makes sure of its `OpenSSL`.
//!
//! The revision is `BARMAN_CLOUD_EXPORTER_REVISION` from the environment, where a build has no
//! repository; otherwise git's; otherwise `unknown`.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

const REVISION: &str = "BARMAN_CLOUD_EXPORTER_REVISION";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={REVISION}");
    // The log of `HEAD` grows with each commit and checkout. A file that does not exist must not be
    // named: cargo would run this script on every build.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = output("git", &["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rustc-env=BUILD_REVISION={}", revision());
    println!("cargo::rustc-env=BUILD_RUSTC={}", rustc());
    if openssl_lacks_threads() {
        println!(
            "cargo::error=OpenSSL was built without threads, and would corrupt memory: build it with \
             CRATE_CC_NO_DEFAULTS=1 in the environment, after `cargo clean`"
        );
    }
}

/// Returns whether `OpenSSL` was built without locks.
///
/// Its `Configure` leaves them out silently if the C compiler is given `-static`, which the `cc` crate does for
/// `crt-static` unless `CRATE_CC_NO_DEFAULTS` is set.
fn openssl_lacks_threads() -> bool {
    let Some(include) = env::var_os("DEP_OPENSSL_INCLUDE") else {
        return false;
    };
    let configuration = Path::new(&include).join("openssl/configuration.h");
    fs::read_to_string(configuration).is_ok_and(|text| !text.contains("define OPENSSL_THREADS"))
}

fn revision() -> String {
    let given = env::var(REVISION).ok();
    let given = given.and_then(|text| text.split_whitespace().next().map(str::to_owned));
    given
        .or_else(|| output("git", &["rev-parse", "--short=7", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The version of the compiler alone, such as `1.95.0`.
fn rustc() -> String {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    output(&compiler, &["--version"])
        .and_then(|text| text.split_whitespace().nth(1).map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The first line that a program prints, if it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout)
        .ok()
        .filter(|_| output.status.success())?;
    text.lines()
        .next()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
}
