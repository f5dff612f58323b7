//! Laws that every parser of bytes from outside keeps, whatever the bytes are.
//!
//! A target is a function that takes any bytes and panics if a law is broken. The fuzzer calls it
//! with bytes that it makes up (`fuzz/README.md`), and the tests of this crate with those of
//! `fuzz/corpus` that once led to something new. What a target's bytes mean is said at its function;
//! those that steer it come first.

mod archive;
mod backup;
mod barman_files;
mod certificates;
mod cluster_files;
mod codec;
mod config;
mod edges;
mod input;
mod s3;
mod saved_state;
mod tar;
#[cfg(test)]
mod tests;
mod texts;
mod wal;
mod wal_records;
mod wal_writer;

pub use archive::archive;
pub use backup::{backup, backup_members, manifest, relation_map};
pub use barman_files::{backup_info, history, keys, python_literals, small_files};
pub use certificates::certificates;
pub use cluster_files::{control, pages};
pub use codec::{codec, decompress};
pub use config::config;
pub use edges::edges;
pub use s3::{s3_answers, s3_pages};
pub use saved_state::saved_state;
pub use tar::tar;
pub use texts::{schedules, texts};
pub use wal::wal;
pub use wal_records::wal_records;

/// Target of the fuzzer.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the target, of its program in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Function that panics if a law is broken.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("archive", archive),
    target("backup", backup),
    target("backup_info", backup_info),
    target("backup_members", backup_members),
    target("certificates", certificates),
    target("codec", codec),
    target("config", config),
    target("control", control),
    target("decompress", decompress),
    target("edges", edges),
    target("history", history),
    target("keys", keys),
    target("manifest", manifest),
    target("pages", pages),
    target("python_literals", python_literals),
    target("relation_map", relation_map),
    target("s3_answers", s3_answers),
    target("s3_pages", s3_pages),
    target("saved_state", saved_state),
    target("schedules", schedules),
    target("small_files", small_files),
    target("tar", tar),
    target("texts", texts),
    target("wal", wal),
    target("wal_records", wal_records),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}
