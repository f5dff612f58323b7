//! Fuzzer of the target `schedules`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::schedules(bytes));
