//! Fuzzer of the target `tar`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::tar(bytes));
