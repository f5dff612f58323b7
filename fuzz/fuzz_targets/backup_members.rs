//! Fuzzer of the target `backup_members`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::backup_members(bytes));
