//! Fuzzer of the target `backup`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::backup(bytes));
