//! Fuzzer of the target `pages`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::pages(bytes));
