//! Fuzzer of the target `python_literals`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::python_literals(bytes));
