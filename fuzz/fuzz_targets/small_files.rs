//! Fuzzer of the target `small_files`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::small_files(bytes));
