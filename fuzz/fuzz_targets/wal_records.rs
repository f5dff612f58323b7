//! Fuzzer of the target `wal_records`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::wal_records(bytes));
