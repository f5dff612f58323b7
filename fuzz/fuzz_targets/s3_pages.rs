//! Fuzzer of the target `s3_pages`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::s3_pages(bytes));
