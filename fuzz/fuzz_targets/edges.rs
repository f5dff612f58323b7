//! Fuzzer of the target `edges`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::edges(bytes));
