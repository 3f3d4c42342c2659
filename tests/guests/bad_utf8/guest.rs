//! Says what it is in bytes that are no text.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "text that is none cannot be made otherwise")]

stresshost_guests::answers!(
    describe: {
        // SAFETY: it is not text, which is what this guest is for; the host looks before it believes.
        unsafe { String::from_utf8_unchecked(vec![b'{', 0xff, 0xfe, b'}']) }
    },
    plan: stresshost_guests::planned(),
    analyze: r#"{"schema": "stresshost.analysis/1"}"#.to_owned()
);
