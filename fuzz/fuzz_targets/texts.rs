//! Fuzzer of the target `texts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::texts(bytes));
