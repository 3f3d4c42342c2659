//! Numbers for people. Every report writes the same value the same way.

/// A count with thousands separators: `12,345`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time given in microseconds as its number, of three significant digits, and its unit: `us`, `ms` or `s`.
pub(crate) fn duration_parts(us: u64) -> (String, &'static str) {
    // The unit is chosen by what will be printed: 999.9 ms would read `1000ms`.
    if us < 1_000 {
        (us.to_string(), "us")
    } else if us < 999_500 {
        (three_digits(us as f64 / 1e3), "ms")
    } else {
        (three_digits(us as f64 / 1e6), "s")
    }
}

/// A time given in microseconds: `812us`, `1.23ms`, `45.6s`.
pub(crate) fn duration_us(us: u64) -> String {
    let (number, unit) = duration_parts(us);
    number + unit
}

/// The length of something people wait for: `9.5s`, `1m05s`, `2h00m30s`.
pub(crate) fn seconds(s: f64) -> String {
    if !s.is_finite() {
        return "-".to_owned();
    }
    let s = s.max(0.0);
    if s < 59.95 {
        return format!("{s:.1}s");
    }
    // A float above the range of `u64` becomes its greatest value: longer than any run.
    let whole = s.round() as u64;
    let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours == 0 { format!("{minutes}m{rest:02}s") } else { format!("{hours}h{minutes:02}m{rest:02}s") }
}

/// A rate per second without its unit: `0.250`, `12.3`, `5,000`.
pub(crate) fn rate(per_s: f64) -> String {
    if !per_s.is_finite() {
        return "-".to_owned();
    }
    if per_s <= 0.0 {
        "0".to_owned()
    } else if per_s < 0.0005 {
        "<0.001".to_owned()
    } else if per_s < 0.9995 {
        format!("{per_s:.3}")
    } else {
        three_digits(per_s)
    }
}

/// A share. Only none is `0%` and only all is `100%`: one failure in a million must not read as none.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    share(part as f64 / whole as f64, part == 0, part >= whole)
}

/// A share given as a number, 1.0 being all; it may lie above.
pub(crate) fn percent_of(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if value > 1.0 {
        return format!("{:.1}%", value * 100.0);
    }
    share(value, value <= 0.0, value >= 1.0)
}

fn share(value: f64, none: bool, all: bool) -> String {
    let percent = value * 100.0;
    match percent {
        _ if none => "0%".to_owned(),
        _ if all => "100%".to_owned(),
        p if p < 0.01 => "<0.01%".to_owned(),
        p if p > 99.99 => ">99.99%".to_owned(),
        p if !(9.995..99.0).contains(&p) => format!("{p:.2}%"),
        p => format!("{p:.1}%"),
    }
}

/// A size: `512 B`, `1.50 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1_023.5 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    format!("{} {unit}", three_digits(value))
}

/// Any number: whole ones exactly, others to about four digits.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    if value == value.trunc() && size < 1e15 {
        format!("{sign}{}", count(size as u64))
    } else if !(0.001..1e15).contains(&size) {
        format!("{value:.3e}")
    } else if size >= 1_000.0 {
        format!("{sign}{}", count(size.round() as u64))
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Three significant digits from 1 up; all digits of the whole part above 1,000.
fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => count(v.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ];
        for (value, expected) in table {
            assert_eq!(count(value), expected);
        }
    }

    #[test]
    fn durations_have_three_digits_and_roll_over_to_the_next_unit() {
        let table = [
            (0, "0us"),
            (7, "7us"),
            (999, "999us"),
            (1_000, "1.00ms"),
            (9_994, "9.99ms"),
            (9_996, "10.0ms"),
            (99_949, "99.9ms"),
            (99_951, "100ms"),
            (999_499, "999ms"),
            (999_500, "1.00s"),
            (12_340_000, "12.3s"),
            (3_600_000_000, "3,600s"),
            (u64::MAX, "18,446,744,073,710s"),
        ];
        for (us, expected) in table {
            assert_eq!(duration_us(us), expected, "{us}");
        }
    }

    #[test]
    fn lengths_in_seconds() {
        let table = [
            (-1.0, "0.0s"),
            (9.5, "9.5s"),
            (59.94, "59.9s"),
            (59.96, "1m00s"),
            (65.0, "1m05s"),
            (7_230.0, "2h00m30s"),
            (f64::NAN, "-"),
            (f64::INFINITY, "-"),
        ];
        for (s, expected) in table {
            assert_eq!(seconds(s), expected, "{s}");
        }
    }

    #[test]
    fn rates() {
        let table = [
            (0.0, "0"),
            (-1.0, "0"),
            (0.0001, "<0.001"),
            (0.25, "0.250"),
            (0.9999, "1.00"),
            (12.34, "12.3"),
            (4_999.6, "5,000"),
            (f64::NAN, "-"),
        ];
        for (per_s, expected) in table {
            assert_eq!(rate(per_s), expected, "{per_s}");
        }
    }

    #[test]
    fn shares_never_round_to_none_or_all() {
        let table = [
            (0, 0, "-"),
            (0, 10, "0%"),
            (10, 10, "100%"),
            (1, 1_000_000, "<0.01%"),
            (999_999, 1_000_000, ">99.99%"),
            (1, 800, "0.12%"),
            (1, 3, "33.3%"),
            (995, 1_000, "99.50%"),
        ];
        for (part, whole, expected) in table {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
        assert_eq!(percent_of(0.123), "12.3%");
        assert_eq!(percent_of(1.5), "150.0%");
        assert_eq!(percent_of(f64::NAN), "-");
    }

    #[test]
    fn sizes() {
        let table = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.00 KiB"),
            (1_048_575, "1.00 MiB"),
            (1_572_864, "1.50 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (size, expected) in table {
            assert_eq!(bytes(size), expected, "{size}");
        }
    }

    #[test]
    fn numbers() {
        let table = [
            (0.0, "0"),
            (-12_000.0, "-12,000"),
            (0.5, "0.5"),
            (-1.23456, "-1.235"),
            (1_234.56, "1,235"),
            (0.000_012, "1.200e-5"),
            (1e300, "1.000e300"),
            (f64::NEG_INFINITY, "-"),
        ];
        for (value, expected) in table {
            assert_eq!(number(value), expected, "{value}");
        }
    }
}
