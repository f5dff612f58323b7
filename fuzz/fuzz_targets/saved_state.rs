//! Fuzzer of the target `saved_state`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::saved_state(bytes));
