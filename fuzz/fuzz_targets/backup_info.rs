//! Fuzzer of the target `backup_info`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::backup_info(bytes));
