//! Fuzzer of the target `control`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::control(bytes));
