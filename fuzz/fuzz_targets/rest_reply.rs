#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scrip_fuzz::rest_reply(data));
