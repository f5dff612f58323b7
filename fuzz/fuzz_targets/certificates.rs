//! Fuzzer of the target `certificates`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::certificates(bytes));
