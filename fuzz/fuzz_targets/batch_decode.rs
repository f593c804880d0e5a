#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scrip_fuzz::batch_decode(data));
