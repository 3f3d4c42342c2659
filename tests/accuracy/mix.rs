//! A mix has exactly the shares of its weights, at the server.

use crate::logged::Logged;
use crate::measure::{beside_others, measure_config, named};

const WEIGHTS: [(&str, u64); 3] = [("/browsing", 7), ("/searching", 2), ("/buying", 1)];

fn scenarios() -> String {
    let scenario = |(path, weight): &(&str, u64)| {
        format!(
            "  - {{ name: '{path}', weight: {weight}, requests: [{{ name: '{path}', get: '{path}' }}] }}\n"
        )
    };
    WEIGHTS.iter().map(scenario).collect()
}

fn assert_shares(load: &str, total: u64) {
    let server = Logged::start();
    let config = format!("target_url: {}\nmix: {load}\nscenarios:\n{}", server.url(""), scenarios());
    let _turn = beside_others();
    let summary = measure_config(&config);
    let came = server.came();
    for (path, weight) in WEIGHTS {
        let share = total * weight / 10;
        assert_eq!((came[path], named(&summary, path).count), (share, share), "{path}");
    }
}

#[test]
fn of_a_rate() {
    assert_shares("{ rate: 300/s, users: 30, duration: 2s }", 600);
}

#[test]
fn of_shared_iterations() {
    assert_shares("{ users: 9, iterations: 1000, max_duration: 1m }", 1_000);
}
