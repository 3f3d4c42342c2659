//! What must hold for grants, whatever was asked for.

use std::net::Ipv6Addr;

use stresshost_plan::{Breadth, TargetPattern};

/// Reads the whole of `input` as a pattern, and makes patterns of an exact target from its parts `scheme host port`.
///
/// The pattern of an exact target covers it and nothing else; a wildcard covers what it stands for. What is refused is
/// refused in one line of printable text.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let pattern = TargetPattern::parse(&text);
    if let Err(error) = &pattern {
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(scheme), Some(host), Some(port)) = (words.next(), words.next(), words.next()) else { return };
    let Ok(port) = port.parse::<u16>() else { return };
    if let Ok(pattern) = pattern {
        let _: bool = pattern.matches(scheme, host, port);
    }
    check_exact(&scheme.to_ascii_lowercase(), &host.to_ascii_lowercase(), port);
}

fn check_exact(scheme: &str, host: &str, port: u16) {
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+');
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let is_ipv6 = host.parse::<Ipv6Addr>().is_ok();
    if !is_scheme || !(is_name || is_ipv6) {
        return;
    }
    let written = if is_ipv6 { format!("[{host}]") } else { host.to_owned() };
    let parse = |text: String| TargetPattern::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    for text in
        [format!("{scheme}://{written}:{port}"), format!("{scheme}://{written}:{port}/").to_uppercase()]
    {
        let exact = parse(text);
        assert!(exact.breadth() == Breadth::Named && exact.matches(scheme, host, port));
        assert!(!exact.matches(scheme, host, port ^ 1));
        assert!(!exact.matches(&format!("{scheme}s"), host, port));
        assert!(!exact.matches(scheme, &format!("{host}x"), port));
        assert!(!exact.matches(scheme, &format!("x{host}"), port));
    }
    for text in [
        format!("*://{written}:{port}"),
        format!("{scheme}://*:{port}"),
        format!("{scheme}://{written}:*"),
        "*://*:*".to_owned(),
    ] {
        assert!(parse(text.clone()).matches(scheme, host, port), "{text}");
    }
    if is_ipv6 {
        // Nothing is below an address.
        assert!(TargetPattern::parse(&format!("{scheme}://*.{host}:{port}")).is_err());
        return;
    }
    let below = parse(format!("{scheme}://*.{host}:{port}"));
    assert!(below.breadth() == Breadth::Domain && !below.matches(scheme, host, port));
    assert!(
        below.matches(scheme, &format!("a.{host}"), port)
            && !below.matches(scheme, &format!("a{host}"), port)
    );
}
