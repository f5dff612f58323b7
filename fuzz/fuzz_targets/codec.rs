//! Fuzzer of the target `codec`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::codec(bytes));
