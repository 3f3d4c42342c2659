//! Rounds of several contestants in turn, and what they say of each other.

use serde_json::{Value, json};

use crate::bench::output::table;
use crate::bench::stats::{Spread, ratios};

/// What one round of one contestant took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// CPU microseconds per request.
    pub(crate) cost_us: f64,
    pub(crate) requests_per_s: f64,
    /// CPU time over wall time of the whole process, start and end included: 1.0 is one core without a pause.
    pub(crate) cores_used: f64,
}

/// The rounds that count of each contestant.
pub(crate) struct Paired {
    names: Vec<String>,
    rounds: Vec<Vec<Sample>>,
}

impl Paired {
    /// Lets the contestants take turns, in every other round from the last to the first, since a place in the order has its
    /// own price. One round more than `rounds` is measured: the first warms up.
    pub(crate) fn measure(
        title: &str,
        names: Vec<String>,
        rounds: u32,
        mut one: impl FnMut(usize) -> anyhow::Result<Sample>,
    ) -> anyhow::Result<Self> {
        let mut kept: Vec<Vec<Sample>> = names.iter().map(|_| Vec::new()).collect();
        for round in 0..=rounds {
            for turn in 0..names.len() {
                let index = if round % 2 == 0 { turn } else { names.len() - 1 - turn };
                let sample = one(index)?;
                eprintln!("  {title}, round {round}, {}: {:.2} us", names[index], sample.cost_us);
                if round > 0 {
                    kept[index].push(sample);
                }
            }
        }
        Ok(Self { names, rounds: kept })
    }

    /// Rounds in which all contestants run at once and `one` says what each took. One round more than `rounds` is measured:
    /// the first warms up.
    pub(crate) fn together(
        title: &str,
        names: Vec<String>,
        rounds: u32,
        mut one: impl FnMut(u32) -> anyhow::Result<Vec<Sample>>,
    ) -> anyhow::Result<Self> {
        let mut kept: Vec<Vec<Sample>> = names.iter().map(|_| Vec::new()).collect();
        for round in 0..=rounds {
            for ((name, kept), sample) in names.iter().zip(&mut kept).zip(one(round)?) {
                let Sample { cost_us, requests_per_s, .. } = sample;
                eprintln!("  {title}, round {round}, {name}: {cost_us:.2} us, {requests_per_s:.0}/s");
                if round > 0 {
                    kept.push(sample);
                }
            }
        }
        Ok(Self { names, rounds: kept })
    }

    /// One value of each round of `above`, over that of the same round of `below`.
    pub(crate) fn ratios(&self, above: usize, below: usize, value: fn(&Sample) -> f64) -> Vec<f64> {
        ratios(&self.values(above, value), &self.values(below, value))
    }

    fn values(&self, contestant: usize, value: fn(&Sample) -> f64) -> Vec<f64> {
        self.rounds[contestant].iter().map(value).collect()
    }

    /// Prints a table with a line for each contestant and returns it, and every round, as JSON. `ratios` are those of a
    /// contestant's CPU per request, `ratio` what they are of.
    pub(crate) fn report(
        &self,
        title: &str,
        contestant: &str,
        ratio: &str,
        ratios: impl Fn(usize) -> Vec<f64>,
    ) -> Value {
        let head =
            [contestant, "median us", "least - most", "requests/s", "cores used", ratio, "least - most"];
        let (mut lines, mut rows) = (Vec::new(), Vec::new());
        for (index, name) in self.names.iter().enumerate() {
            let of = |value| Spread::of(&self.values(index, value));
            let (cost, rate) = (of(|sample| sample.cost_us), of(|sample| sample.requests_per_s));
            let (used, ratio) = (of(|sample| sample.cores_used), Spread::of(&ratios(index)));
            lines.push(vec![
                name.clone(),
                format!("{:.2}", cost.median),
                cost.ends(2),
                format!("{:.0}", rate.median),
                format!("{:.2}", used.median),
                format!("{:.2}", ratio.median),
                ratio.ends(2),
            ]);
            rows.push(json!({
                contestant: name,
                "median_us": cost.median,
                "requests_per_s": rate.median,
                "cores_used": used.median,
                "ratio": { "median": ratio.median, "least": ratio.least, "most": ratio.most },
                "rounds": self.rounds[index].iter().map(Sample::json).collect::<Vec<_>>(),
            }));
        }
        println!("\n{title}\n{}", table(&head, &lines).trim_end());
        Value::Array(rows)
    }
}

impl Sample {
    fn json(&self) -> Value {
        json!({ "cost_us": self.cost_us, "requests_per_s": self.requests_per_s, "cores_used": self.cores_used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contestants_take_turns_in_changing_order_and_the_first_round_does_not_count() {
        let mut turns = Vec::new();
        let names = vec!["a".to_owned(), "b".to_owned()];
        let paired = Paired::measure("test", names, 2, |index| {
            turns.push(index);
            let cost_us = turns.len() as f64;
            Ok(Sample { cost_us, requests_per_s: 10.0, cores_used: 1.0 })
        });
        let paired = paired.unwrap();
        assert_eq!(turns, [0, 1, 1, 0, 0, 1]);
        assert_eq!(paired.ratios(0, 1, |sample| sample.cost_us), [4.0 / 3.0, 5.0 / 6.0]);
        let rows = paired
            .report("title", "tool", "a / tool", |index| paired.ratios(0, index, |sample| sample.cost_us));
        assert_eq!(rows[0]["ratio"]["median"], 1.0);
        assert_eq!(rows[1]["rounds"][1]["cost_us"], 6.0);
    }

    #[test]
    fn together_the_first_round_does_not_count_either() {
        let names = vec!["a".to_owned(), "b".to_owned()];
        let paired = Paired::together("test", names, 2, |round| {
            let sample = |cost_us| Sample { cost_us, requests_per_s: 10.0, cores_used: 1.0 };
            Ok(vec![sample(f64::from(round)), sample(4.0)])
        });
        assert_eq!(paired.unwrap().ratios(0, 1, |sample| sample.cost_us), [0.25, 0.5]);
    }

    #[test]
    fn an_error_of_one_ends_all() {
        let failed = Paired::measure("test", vec!["a".to_owned()], 2, |_| anyhow::bail!("no"));
        assert!(failed.is_err());
    }
}
