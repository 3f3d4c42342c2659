//! What must hold for a plugin's description, whatever the plugin wrote.

use stresshost_plan::{
    Descriptor, MAX_DOCUMENT_BYTES, TargetPattern, ValueKind, format_duration_ms, parse_bytes,
    parse_duration_ms, parse_rate,
};

/// Reads `input` as the host does. What can be read is written again as a description, and the texts in it that have
/// a grammar of their own are read or refused.
pub fn check(input: &[u8]) {
    if input.len() > MAX_DOCUMENT_BYTES {
        return;
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(descriptor) = serde_json::from_str::<Descriptor>(text) else { return };
    match descriptor.problem() {
        Some(problem) => assert!(!problem.contains(char::is_control), "{problem:?}"),
        None => assert!(!descriptor.summary.contains(char::is_control) && !descriptor.name.contains('/')),
    }
    let written = serde_json::to_string(&descriptor).expect("a description can be written");
    let again: Descriptor = serde_json::from_str(&written).expect("what was written can be read");
    // The config schema may hold numbers with a fraction, which serde_json does not read to the last digit.
    let without_schema = |descriptor: Descriptor| Descriptor { config_schema: None, ..descriptor };
    for target in &descriptor.asks.targets {
        let _: Option<TargetPattern> = TargetPattern::parse(target).ok();
    }
    for flag in &descriptor.flags {
        let Some(default) = &flag.default else { continue };
        match flag.kind {
            ValueKind::Duration => {
                if let Ok(ms) = parse_duration_ms(default) {
                    assert_eq!(parse_duration_ms(&format_duration_ms(ms)), Ok(ms), "{default}");
                }
            }
            ValueKind::Rate => {
                if let Ok(rate) = parse_rate(default) {
                    assert!(rate.is_finite() && rate >= 0.0, "{default}: {rate}");
                }
            }
            ValueKind::Bytes => drop(parse_bytes(default)),
            _ => {}
        }
    }
    assert_eq!(without_schema(again), without_schema(descriptor));
}
