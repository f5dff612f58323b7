//! Fuzzer of the target `relation_map`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::relation_map(bytes));
