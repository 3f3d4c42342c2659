use std::collections::BTreeSet;

use stresshost_metrics::SeriesPoint;
use stresshost_report::{Format, Options};

use crate::{parse, report, sample};

fn page() -> String {
    report(Format::Html, &sample::summary(), Some(&sample::analysis()), &Options::default())
}

#[test]
fn every_part_of_a_summary_is_shown() {
    let page = page();
    let document = parse(&page);
    let titles: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("h2"))
        .filter_map(|node| node.text())
        .collect();
    let expected = [
        "Thresholds",
        "Findings and recommendations",
        "Latency over time",
        "Throughput over time",
        "Operations",
        "Latency profile",
        "Response, service and lag",
        "Where the service time went",
        "Answers",
        "Errors",
        "Checks",
        "Iterations",
        "Metrics",
        "Plugin faults",
        "Limits reached",
        "Pages by weight",
        "Generator",
        "Warm-up",
        "About this run",
    ];
    assert_eq!(titles, expected);
    let text: String = document.root_element().descendants().filter_map(|node| node.text()).collect();
    let shown = [
        "FAIL",
        "was 36.9ms",
        "queueing before they could start",
        "503: {\"error\":\"shard <2> is not there\"}",
        "due 3,000 = started 2,990 + dropped 10",
        "index out of bounds",
        "Give the connection pool room",
        "the cart's cookie has no Secure attribute",
        "`duration` taken from the command line: 1m",
        "about 7.9 CPU s",
    ];
    for part in shown {
        assert!(text.contains(part), "{part} is missing");
    }
    assert!(text.contains("In the plugin") && !text.contains("In devstress"), "there is only one");
}

#[test]
fn thresholds_phases_and_an_invalid_generator_stand_above_the_numbers() {
    let page = report(Format::Html, &sample::phased(), None, &Options::default());
    let document = parse(&page);
    let titles: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("h2"))
        .filter_map(|node| node.text())
        .take(3)
        .collect();
    assert_eq!(titles, ["These numbers say nothing about the target.", "Thresholds", "Phases"]);
    let alert = page.find("role=\"alert\"").expect("is there");
    assert!(page.find("class=\"tiles\"").is_some_and(|tiles| alert < tiles));
    let text: String = document.root_element().descendants().filter_map(|node| node.text()).collect();
    let shown = [
        "own lag p99 48.2ms",
        "busiest core 99.10%",
        "9 operations failed: The machine ran out of local ports",
        "412ms",
        "< 300ms",
        "aborted the run",
        "worst window ended at 33.0s",
        "WARN",
        "Score 4 of 6 (66.7%), 80.0% needed: missed.",
        "phase `peak` did not meet its criteria",
        "skipped",
        "read as `http.response_us.p95 < 100ms`",
        "phase peak, plugin devstress",
        "In the plugins",
        "about 7.9 CPU s",
        "In sqlstress",
        "about 1.8 CPU s, 3.00% of a core",
    ];
    for part in shown {
        assert!(text.contains(part), "{part} is missing");
    }
    let marks: Vec<_> = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("mark"))
        .filter_map(|node| node.text())
        .collect();
    // Each chart, wide and narrow, names every phase that ran.
    for name in ["warm", "peak", "reports"] {
        assert_eq!(marks.iter().filter(|mark| **mark == name).count(), 6, "{name} in {marks:?}");
    }
    assert!(!marks.contains(&"cool-down"), "it never began: {marks:?}");
    assert!(text.contains("phase peak\nphase reports"), "tips name the phases");
}

#[test]
fn limits_reached_are_a_table_that_no_name_breaks() {
    let mut summary = sample::summary();
    let name = "<img src=x onerror=alert(1)>&\"";
    summary.limits[1].plugin = name.to_owned();
    let page = report(Format::Html, &summary, None, &Options::default());
    let document = parse(&page);
    let cells = |row: roxmltree::Node<'_, '_>| -> Vec<String> {
        let cells = row.children().filter(|node| node.is_element());
        cells.map(|cell| cell.text().unwrap_or_default().to_owned()).collect()
    };
    let rows: Vec<_> = document.descendants().filter(|node| node.has_tag_name("tr")).map(cells).collect();
    for expected in [
        ["devstress", "log-lines", "1,234", "log lines not shown"],
        [name, "artifacts", "3", "artifacts refused"],
    ] {
        assert!(rows.iter().any(|row| *row == expected), "{expected:?} in {rows:?}");
    }
    summary.limits.clear();
    assert!(!report(Format::Html, &summary, None, &Options::default()).contains("Limits reached"));
}

/// A browser takes `<div/>` for an opened `div`; only what has no content by nature may be written so.
#[test]
fn only_shapes_and_void_elements_are_self_closing() {
    let page = page();
    let closed: BTreeSet<_> = page
        .match_indices("/>")
        .filter_map(|(end, _)| page[..end].rsplit_once('<')?.1.split([' ', '/']).next())
        .collect();
    assert_eq!(closed, BTreeSet::from(["line", "meta", "path", "rect"]));
}

#[test]
fn nothing_is_fetched() {
    let page = page();
    let document = parse(&page);
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        assert!(
            !["link", "img", "iframe", "object", "embed", "image", "use", "base"].contains(&name),
            "{name}"
        );
        for attribute in node.attributes() {
            assert!(!["src", "href", "srcset"].contains(&attribute.name()), "{attribute:?}");
            assert!(!attribute.name().starts_with("on"), "{attribute:?}");
        }
    }
    let style = document.descendants().find(|node| node.has_tag_name("style")).and_then(|node| node.text());
    let style = style.expect("has a style");
    assert!(!style.contains("url(") && !style.contains("@import"), "{style}");
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn charts_come_in_both_sizes_with_a_name_and_units() {
    let page = page();
    let document = parse(&page);
    let charts: Vec<_> = document
        .descendants()
        .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("chart ")))
        .collect();
    // Latency, throughput, errors and profile, each wide and narrow.
    assert_eq!(charts.len(), 8);
    for chart in charts {
        assert!(chart.attribute("aria-label").is_some_and(|label| !label.is_empty()));
        let titles = chart.descendants().filter(|node| node.attribute("class") == Some("title"));
        assert_eq!(titles.count(), 2, "both axes are named");
        for path in chart.descendants().filter_map(|node| node.attribute("d")) {
            assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
        }
    }
}

#[test]
fn a_long_series_stays_a_small_page() {
    let mut summary = sample::summary();
    let point = summary.series[40].clone();
    let at = |index: usize| SeriesPoint { t_s: index as f64 * 600.0, width_s: 600.0, ..point.clone() };
    summary.series = (0..stresshost_metrics::MAX_SERIES_POINTS).map(at).collect();
    let page = report(Format::Html, &summary, None, &Options::default());
    assert!(page.len() < 700_000, "{} bytes", page.len());
    parse(&page);
}

#[test]
fn an_empty_run_is_a_page_too() {
    let page = report(Format::Html, &sample::empty(), None, &Options::default());
    let document = parse(&page);
    assert!(page.contains("INCONCLUSIVE"));
    assert!(page.contains("None ended in the measured window."));
    assert!(!document.descendants().any(|node| node.has_tag_name("svg")));
}
