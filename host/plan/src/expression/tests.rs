use proptest::prelude::*;

use super::*;
use crate::{MAX_EXPRESSION_BYTES, MAX_WINDOW_MS};

fn parse(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{}", error.render()))
}

fn canonical(text: &str) -> String {
    parse(text).to_string()
}

#[test]
fn the_one_example_says_everything() {
    let text = "http.response_us{scenario=checkout}.p95 < 300ms over 30s, abort after 10s, key, weight 2";
    let expected = Expression {
        metric: Metric::Operations { protocol: Some("http".into()), field: OperationField::ResponseUs },
        tags: vec![TagFilter { tag: Tag::Scenario, pattern: "checkout".into() }],
        aggregate: Aggregate::Quantile(0.95),
        comparison: Comparison::Less,
        limit: 300_000.0,
        window_ms: Some(30_000),
        abort_after_ms: Some(10_000),
        warn: false,
        weight: 2.0,
        key: true,
    };
    assert_eq!(parse(text), expected);
    assert_eq!(expected.to_string(), text);
    assert_eq!(expected.subject(), "http.response_us{scenario=checkout}.p95");
    assert!(parse("errors < 1%, warn").warn);
}

#[test]
fn texts_have_one_canonical_form() {
    let cases = [
        // Short forms.
        ("p99<200ms", "response_us.p99 < 200ms"),
        ("p99.9 < 1.5s", "response_us.p99.9 < 1500ms"),
        ("p95{scenario=a}<1s", "response_us{scenario=a}.p95 < 1s"),
        ("errors<1%", "errors.rate < 1%"),
        ("rate>1000/s", "count.per_s > 1000/s"),
        ("mean<=2ms", "response_us.mean <= 2ms"),
        ("per_s >= 5", "count.per_s >= 5/s"),
        // Aggregates.
        ("http.response_us.p999 < 1s", "http.response_us.p99.9 < 1s"),
        ("sql.service_us.median ≤ 250us", "sql.service_us.p50 <= 250us"),
        ("tls_us.avg < 2µs", "tls_us.mean < 2us"),
        ("redis.wait_us.p5 >= 1us", "redis.wait_us.p5 >= 1us"),
        ("lag_us.max <= 1h", "lag_us.max <= 3600s"),
        // The aggregate that goes without saying.
        ("http.errors < 0.01", "http.errors.rate < 1%"),
        ("http.errors == 0", "http.errors.count == 0"),
        ("errors < 5", "errors.count < 5"),
        ("errors < 5/s", "errors.per_s < 5/s"),
        ("successes ≥ 99.5%", "successes.rate >= 99.5%"),
        ("checks > 95%", "checks.rate > 95%"),
        ("checks{check=\"body is json\"} >= 10", "checks{check=\"body is json\"}.count >= 10"),
        ("iterations.failed < 2%", "iterations.failed.rate < 2%"),
        ("iterations.dropped == 0", "iterations.dropped.count == 0"),
        ("iterations.started > 600/min", "iterations.started.per_s > 10/s"),
        ("iterations.response_us.p90 < 2 s", "iterations.response_us.p90 < 2s"),
        ("count > 1000", "count.count > 1000"),
        ("bytes_received < 64KiB", "bytes_received.count < 64KiB"),
        ("http.bytes_sent < 1.5MB/s", "http.bytes_sent.per_s < 1500KB/s"),
        ("generator.cpu < 80%", "generator.cpu.rate < 80%"),
        ("generator.rss < 4GiB", "generator.rss.max < 4GiB"),
        ("generator.lag_us.p99 < 10ms", "generator.lag_us.p99 < 10ms"),
        // A plugin's own.
        ("metrics.rows.count > 10", "metrics.rows.count > 10"),
        ("metrics.\"rows read\".per_s > 10", "metrics.\"rows read\".per_s > 10/s"),
        ("checks{scenario=a, check=b} > 1%", "checks{scenario=a, check=b}.rate > 1%"),
        ("metrics.x{scenario=a} > 1%", "metrics.x{scenario=a}.rate > 1%"),
        ("metrics.hits > 90%", "metrics.hits.rate > 90%"),
        ("metrics.temperature-c.last >= -3.5", "metrics.temperature-c.last >= -3.5"),
        ("metrics.\"a.b\\\"c\\\\\".p95 != 7", "metrics.\"a.b\\\"c\\\\\".p95 != 7"),
        // Filters.
        ("errors{error=timeout,scenario=*} < 1%", "errors{error=timeout, scenario=*}.rate < 1%"),
        (
            "http.count{ status = 5* , operation = \"GET /p/{id}\" } == 0",
            "http.count{status=5*, operation=\"GET /p/{id}\"}.count == 0",
        ),
        // Options.
        ("errors < 1% over 1m30s", "errors.rate < 1% over 1m30s"),
        ("errors<5 over 10s,abort", "errors.count < 5 over 10s, abort"),
        ("errors<5over 10s", "errors.count < 5 over 10s"),
        ("errors < 5 , abort , over 10s", "errors.count < 5 over 10s, abort"),
        ("errors < 5, key, weight 0.5", "errors.count < 5, key, weight 0.5"),
        ("errors < 5, weight 1", "errors.count < 5"),
        ("errors < 5, abort after 0", "errors.count < 5, abort"),
    ];
    for (text, expected) in cases {
        assert_eq!(canonical(text), expected, "{text}");
        assert_eq!(canonical(expected), expected);
    }
}

#[test]
fn limits_are_exact() {
    let cases = [
        ("p95 < 0.3s", 300_000.0),
        ("p95 < 1.1ms", 1_100.0),
        ("p95 < 2.5us", 2.5),
        ("p95 < 2m", 120_000_000.0),
        ("errors < 0.1%", 0.001),
        ("errors.rate < 7%", 0.07),
        ("rate > 90/m", 1.5),
        ("generator.rss < 1GB", 1e9),
        ("bytes_sent < 1.5KiB", 1_536.0),
    ];
    for (text, limit) in cases {
        assert_eq!(parse(text).limit, limit, "{text}");
    }
    let share = |text: &str| parse(text).aggregate;
    assert_eq!(share("p99.9 < 1s"), Aggregate::Quantile(0.999));
    assert_eq!(share("p9 < 1s"), Aggregate::Quantile(0.09));
    assert_eq!(share("p9999 < 1s"), Aggregate::Quantile(0.9999));
}

/// The text, the column, and words the one-line message must hold.
const WRONG: &[(&str, u32, &str)] = &[
    ("", 1, "expected a metric such as `http.response_us`, found the end"),
    ("  ", 3, "found the end"),
    ("respons_us.p95 < 1s", 1, "unknown metric `respons_us` (did you mean `response_us`?)"),
    ("http.respons_us.p95 < 1s", 6, "unknown field `respons_us` (did you mean `response_us`?)"),
    ("http.latency < 1s", 6, "unknown field `latency` (there are `response_us`, `service_us`"),
    ("HTTP.response_us.p95 < 1s", 1, "unknown protocol `HTTP` (did you mean `http`?)"),
    ("iteration.failed < 1%", 1, "unknown metric `iteration` (did you mean `iterations`?)"),
    ("iterations.faild < 1%", 12, "unknown field of `iterations` `faild` (did you mean `failed`?)"),
    ("iterations < 1", 11, "expected `.` and a field"),
    ("generator.ram < 1", 11, "(there are `lag_us`, `cpu`, `rss`)"),
    ("metrics.count", 14, "expected a comparison"),
    ("metrics. > 1", 9, "the name of the metric"),
    ("metrics.\"rows > 1", 9, "the quotation mark is never closed"),
    ("http < 1", 1, "unknown metric `http` (did you mean `http.response_us`?)"),
    ("last < 1", 1, "unknown metric `last`"),
    ("p(95) < 1s", 1, "write a percentile as `p95`"),
    ("p95.response_us < 1s", 4, "the aggregate comes last"),
    ("response_us.p96x < 1s", 13, "unknown aggregate `p96x`"),
    ("response_us.p100 < 1s", 13, "`p100` is no percentile"),
    ("response_us.p100 < 1s", 13, "the greatest value is `max`"),
    ("response_us.p0 < 1s", 13, "the least value is `min`"),
    ("response_us.p123 < 1s", 13, "no percentile"),
    ("response_us.rate < 1s", 13, "`response_us` has no `rate`; it takes `p95`"),
    ("http.count.rate < 1%", 12, "`per_s` is its number each second"),
    ("checks.p95 < 1", 8, "`checks` has no `p95`; it takes `count`, `rate`"),
    ("response_us < 300ms", 12, "name one value of `response_us`"),
    ("metrics.rows > 5", 13, "name one value of `metrics.rows`"),
    ("response_us{scenaro=a}.p95 < 1s", 13, "unknown filter `scenaro` (did you mean `scenario`?)"),
    ("response_us{error=a}.p95 < 1s", 13, "only `errors` have a kind"),
    ("errors{status=503} < 1", 8, "only `count` is counted by status"),
    ("errors{check=a} < 1", 8, "only `checks` have a name"),
    ("generator.cpu{phase=a} < 1%", 15, "it takes none"),
    ("errors{scenario=a,scenario=b} < 1", 19, "`scenario` is given twice"),
    ("errors{scenario=} < 1", 17, "expected a value, found `}`"),
    ("errors{} < 1", 8, "expected a filter"),
    ("errors{scenario=a b} < 1", 19, "expected `,` or `}`, found `b`"),
    ("count{status=5xx} < 1", 14, "`5xx` is not a status; write digits and `*`"),
    ("errors.rate{scenario=a} < 1%", 12, "filters come before the aggregate"),
    ("p95 300ms", 5, "expected a comparison"),
    ("p95 = 300ms", 5, "write `==`"),
    ("p95 =< 300ms", 5, "write `<=`"),
    ("p95 < fast", 7, "expected a number, found `f`"),
    ("p95 < 300", 7, "`300` is not a limit for a time"),
    ("p95 < 300", 7, "did you mean `300ms`?"),
    ("p95 < 300parsecs", 7, "`300parsecs` is not a limit"),
    ("p95 < -3ms", 7, "is not a limit"),
    ("p95 < 1%", 7, "is not a limit for a time"),
    ("errors.rate < 5", 15, "did you mean `5%`?"),
    ("errors.rate < 101%", 15, "`0%` to `100%`"),
    ("errors.rate <= 100%", 16, "`<= 100%` always holds for a share"),
    ("errors < 0", 10, "`< 0` never holds for a count"),
    ("errors.count < 1.5", 16, "write a whole number"),
    ("rate > 5%", 8, "name the share: `errors.rate`"),
    ("rate > 5/fortnight", 8, "is not a limit for a number per second"),
    ("metrics.rows.p95 < 300ms", 20, "a plain number in the metric's own unit"),
    ("errors < 1,000", 12, "write numbers without separators"),
    ("errors < 5 over 0.5s", 17, "windows are whole seconds, from 1s to 10m"),
    ("errors < 5 over 11m", 17, "leave it out to judge the whole run"),
    ("errors < 5 over soon", 17, "`soon` is not a duration"),
    ("errors < 5 over", 16, "expected a duration"),
    ("errors < 5, abrt", 13, "unknown option `abrt` (did you mean `abort`?)"),
    ("errors < 5, abort afer 3s", 19, "did you mean `after`?"),
    ("errors < 5, abort after 1000d", 25, "longer than a run can be"),
    ("errors < 5, weight 0", 20, "weights are more than 0"),
    ("errors < 5, weight 1001", 20, "at most 1000"),
    ("errors < 5, weight inf", 20, "a weight of `inf`"),
    ("errors < 5, warn, warn", 19, "`warn` is given twice"),
    ("errors < 5, warn, abort", 24, "`abort` contradicts `warn`"),
    ("errors < 5, key, warn", 22, "`key` contradicts `warn`"),
    ("errors < 5 abort", 12, "expected `,` and an option, or the end, found `a`"),
    ("errors < 5,", 12, "expected an option, found the end"),
    ("é", 1, "unknown metric `é`"),
    ("errors{scenario=\"ä\"} < x", 24, "expected a number, found `x`"),
];

#[test]
fn errors_say_what_and_where_and_what_to_do() {
    for (text, column, words) in WRONG {
        let error = Expression::parse(text).expect_err(text);
        let message = error.to_string();
        assert!(message.contains(words), "{text}: {message}");
        assert_eq!(error.column(), *column, "{text}: {message}");
    }
}

#[test]
fn errors_show_a_caret() {
    let error = Expression::parse("http.response_us{scenario=checkout}.p95 < 300").unwrap_err();
    insta::assert_snapshot!(error.render(), @r"
    error: `300` is not a limit for a time; write it with its unit, such as `300ms`, `1.5s` or `250us`
      --> threshold:1:43
       |
     1 | http.response_us{scenario=checkout}.p95 < 300
       |                                           ^
       = hint: did you mean `300ms`?
    ");
}

#[test]
fn long_texts_are_refused() {
    let text = "é".repeat(MAX_EXPRESSION_BYTES);
    let error = Expression::parse(&text).unwrap_err();
    assert_eq!(error.fault(), &ExpressionFault::TooLong(2 * MAX_EXPRESSION_BYTES));
    assert!(error.render().len() < 200);
}

#[test]
fn patterns_match_with_wildcards() {
    let cases = [
        ("checkout", "checkout", true),
        ("checkout", "checkout2", false),
        ("checkout", "", false),
        ("*", "", true),
        ("5*", "503", true),
        ("5*", "450", false),
        ("*ab", "abab", true),
        ("a*a", "a", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "acb", false),
        ("**x**", "yxy", true),
        ("GET *", "GET /päth", true),
    ];
    for (pattern, value, expected) in cases {
        let filter = TagFilter { tag: Tag::Operation, pattern: pattern.into() };
        assert_eq!(filter.matches(value), expected, "{pattern} {value}");
    }
}

#[test]
fn values_are_shown_in_the_unit_of_their_limit() {
    let cases = [
        ("p95 < 1s", 287_312.4, "287.31ms"),
        ("p95 < 1s", 1_234_567.0, "1.2346s"),
        ("p95 < 1s", 95_000_000.0, "1m35s"),
        ("p95 < 1s", 12.0, "12us"),
        ("errors < 1%", 0.012_345_6, "1.2346%"),
        ("errors < 1%", 0.0, "0%"),
        ("errors < 1", 1_234_567.0, "1234567"),
        ("rate > 1", 1_204.54, "1204.5/s"),
        ("bytes_sent < 1MB", 1_500_000.0, "1.5MB"),
        ("generator.rss < 1MB", 12.0, "12B"),
        ("metrics.x.last < 1", -1.5, "-1.5"),
        ("p95 < 1s", f64::NAN, "NaNus"),
    ];
    for (text, value, expected) in cases {
        assert_eq!(parse(text).format_value(value), expected, "{text} {value}");
    }
    assert_eq!(parse("p95 < 0.3s").format_limit(), "300ms");
}

fn tag_filters(tags: &'static [Tag]) -> impl Strategy<Value = Vec<TagFilter>> {
    let patterns = proptest::collection::vec("[^*]{1,8}|[a-z]{0,3}\\*", tags.len());
    (proptest::sample::subsequence(tags.to_vec(), 0..=tags.len()), patterns).prop_map(|(tags, patterns)| {
        let filter = |(tag, pattern): (Tag, String)| TagFilter {
            tag,
            pattern: if tag == Tag::Status { "5*".into() } else { pattern },
        };
        tags.into_iter().zip(patterns).map(filter).collect()
    })
}

fn metrics() -> impl Strategy<Value = Metric> {
    let protocol = proptest::option::of("(http|sql|x_1|error)");
    let field = proptest::sample::select(words::OPERATION_FIELDS)
        .prop_map(|word| OperationField::from_word(word).expect("a field"));
    let iteration = proptest::sample::select(words::ITERATION_FIELDS)
        .prop_map(|word| IterationField::from_word(word).expect("a field"));
    let generator = proptest::sample::select(words::GENERATOR_FIELDS)
        .prop_map(|word| GeneratorField::from_word(word).expect("a field"));
    prop_oneof![
        (protocol, field).prop_map(|(protocol, field)| Metric::Operations { protocol, field }),
        iteration.prop_map(Metric::Iterations),
        generator.prop_map(Metric::Generator),
        Just(Metric::Checks),
        "(\\PC{1,8}|[a-z_]{1,8})".prop_map(Metric::Custom),
    ]
}

fn aggregates(metric: &Metric) -> impl Strategy<Value = Aggregate> + use<> {
    let family = metric.family();
    let all = [
        Aggregate::Quantile(0.5),
        Aggregate::Quantile(0.999),
        Aggregate::Mean,
        Aggregate::Min,
        Aggregate::Max,
        Aggregate::Count,
        Aggregate::PerSecond,
        Aggregate::Rate,
        Aggregate::Last,
    ];
    let allowed: Vec<Aggregate> = all.into_iter().filter(|aggregate| family.allows(*aggregate)).collect();
    (proptest::sample::select(allowed), 1e-9_f64..1.0).prop_map(|(aggregate, share)| match aggregate {
        Aggregate::Quantile(0.5) => Aggregate::Quantile(share),
        aggregate => aggregate,
    })
}

fn limits(metric: &Metric, aggregate: Aggregate) -> impl Strategy<Value = f64> + use<> {
    use quantity::Quantity;
    let quantity = Quantity::of(metric, aggregate);
    let whole = (1_u64..1 << 53).prop_map(|whole| whole as f64);
    (1e-9_f64..1.0, prop_oneof![1.0_f64..1e15, whole.clone()], whole, proptest::bool::ANY).prop_map(
        move |(share, number, whole, negative)| match quantity {
            Quantity::Share => share,
            Quantity::Count => whole,
            Quantity::Own if negative => -number,
            _ => number,
        },
    )
}

prop_compose! {
    fn subjects()(metric in metrics())(
        tags in tag_filters(metric.tags()),
        aggregate in aggregates(&metric),
        metric in Just(metric),
    ) -> (Metric, Vec<TagFilter>, Aggregate) { (metric, tags, aggregate) }
}

prop_compose! {
    fn expressions()((metric, tags, aggregate) in subjects())(
        limit in limits(&metric, aggregate),
        comparison in proptest::sample::select(vec![
            Comparison::Less, Comparison::AtMost, Comparison::More, Comparison::AtLeast, Comparison::Equal,
            Comparison::NotEqual,
        ]),
        window_ms in proptest::option::of((1..=MAX_WINDOW_MS / 1_000).prop_map(|seconds| seconds * 1_000)),
        warn in proptest::bool::ANY,
        key in proptest::bool::ANY,
        abort_after_ms in proptest::option::of(0_u64..1_000_000),
        weight in prop_oneof![Just(1.0), 0.001_f64..1_000.0],
        metric in Just(metric),
        tags in Just(tags),
        aggregate in Just(aggregate),
    ) -> Expression {
        Expression {
            metric, tags, aggregate, comparison, limit, window_ms, warn,
            abort_after_ms: abort_after_ms.filter(|_| !warn),
            weight: if warn { 1.0 } else { weight },
            key: key && !warn,
        }
    }
}

proptest! {
    #[test]
    fn parsing_is_the_inverse_of_displaying(expression in expressions()) {
        let text = expression.to_string();
        match Expression::parse(&text) {
            Ok(parsed) => prop_assert_eq!(parsed, expression),
            Err(error) => prop_assert!(text.len() > MAX_EXPRESSION_BYTES, "{}", error.render()),
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(!error.render().is_empty());
        }
    }

    #[test]
    fn no_text_of_known_words_panics(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "http", "sql", ".", "response_us", "errors", "{", "}", "scenario", "=", "\"", "\\", ",", "p95", "p", "9",
            "99.9", "<", ">=", "300", "ms", "%", "/s", "/", " ", "over", "abort", "after", "warn", "weight", "é", "-",
            "metrics", "checks", "iterations", "≤",
        ]), 0..14),
    ) {
        let text = words.concat();
        match Expression::parse(&text) {
            Ok(expression) => prop_assert_eq!(Expression::parse(&expression.to_string()), Ok(expression)),
            Err(error) => prop_assert!(error.column() as usize <= text.chars().count() + 1),
        }
    }

    #[test]
    fn patterns_match_what_a_slow_matcher_matches(pattern in "[ab*]{0,6}", value in "[ab]{0,8}") {
        fn slow(pattern: &[u8], value: &[u8]) -> bool {
            match pattern.split_first() {
                None => value.is_empty(),
                Some((b'*', rest)) => (0..=value.len()).any(|at| slow(rest, &value[at..])),
                Some((byte, rest)) => value.first() == Some(byte) && slow(rest, &value[1..]),
            }
        }
        let filter = TagFilter { tag: Tag::Operation, pattern: pattern.clone() };
        prop_assert_eq!(filter.matches(&value), slow(pattern.as_bytes(), value.as_bytes()));
    }
}
