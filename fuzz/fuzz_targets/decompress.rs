//! Fuzzer of the target `decompress`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::decompress(bytes));
