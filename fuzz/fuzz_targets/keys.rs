//! Fuzzer of the target `keys`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::keys(bytes));
