//! Fuzzer of the target `wal`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::wal(bytes));
