#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| carrel_fuzz::sealed_message(data));
