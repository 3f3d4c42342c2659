//! A search for the highest rate that still meets an objective.
//!
//! Pure: it says which rate to try next and is told how the trial went.

/// Most trials of a search. Doubling from one a second to the highest rate a plan can have takes 24, narrowing to a
/// thousandth ten; the rest is for confirmations that fail.
const TRIALS_MOST: usize = 64;

/// When not even the start met the objective, the search goes down to this share of it.
const FLOOR_SHARE: f64 = 1.0 / 1_024.0;

/// Finest precision: trials differ by more than this for reasons of their own.
const PRECISION_LEAST: f64 = 0.001;

/// Coarsest precision: a doubling is that coarse already.
const PRECISION_MOST: f64 = 1.0;

/// How a trial went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The target met the objective at this rate.
    Met,
    /// It did not.
    Missed,
    /// The generator could not keep up the rate, so the trial says nothing about the target.
    GeneratorLimited,
}

/// What kept a search from going higher although the target met the objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// The generator could not offer more.
    GeneratorLimited,
    /// The search was not to go further.
    MostReached,
}

/// What a search has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// The highest rate at which the objective was met, within the precision.
    Max {
        /// Per second.
        rate: f64,
    },
    /// The target can do this and perhaps more.
    AtLeast {
        /// Per second.
        rate: f64,
        /// Why it is not known.
        why: Ceiling,
    },
    /// The objective was met at no rate.
    NoneMet {
        /// Least rate tried, per second; `None` when nothing was.
        least: Option<f64>,
    },
}

/// The search: doubles the rate until a trial fails, narrows by the geometric mean between the highest rate that was
/// met and the lowest that was not until they are within the precision, then confirms the result once. When the start
/// fails already, it halves the rate instead.
///
/// Trials are noisy. A rate that is not confirmed counts as missed from then on, and the search goes on below it.
#[derive(Clone, Debug, PartialEq)]
pub struct FindMax {
    start: f64,
    most: f64,
    precision: f64,
    /// At most `TRIALS_MOST`.
    trials: Vec<(f64, Trial)>,
}

/// What the trials so far say.
#[derive(Default)]
struct Bracket {
    /// Highest rate met, and how often.
    met: Option<(f64, usize)>,
    /// Lowest rate that was not, and how it failed.
    failed: Option<(f64, Trial)>,
}

impl FindMax {
    /// A search from `start_per_s` up to `most_per_s`. A `precision` of 0.05 ends it when the lowest rate that failed
    /// is at most 5% above the highest that did not.
    pub fn new(start_per_s: f64, most_per_s: f64, precision: f64) -> Self {
        let positive =
            |rate: f64, otherwise: f64| if rate > 0.0 && rate.is_finite() { rate } else { otherwise };
        let start = positive(start_per_s, 1.0);
        let most = positive(most_per_s, start);
        let precision = positive(precision, PRECISION_LEAST).clamp(PRECISION_LEAST, PRECISION_MOST);
        Self { start: start.min(most), most, precision, trials: Vec::new() }
    }

    /// The rate to try next, per second; `None` when the search is over.
    pub fn next(&self) -> Option<f64> {
        if self.trials.len() >= TRIALS_MOST {
            return None;
        }
        let bracket = self.bracket();
        match (bracket.met, bracket.failed) {
            (None, None) => Some(self.start),
            (None, Some((failed, _))) => {
                let floor = self.start * FLOOR_SHARE;
                (failed > floor).then(|| (failed / 2.0).max(floor))
            }
            (Some((met, times)), failed) => {
                let limit = failed.map_or(self.most, |(rate, _)| rate);
                let is_narrow = match failed {
                    Some((rate, _)) => rate <= met * (1.0 + self.precision),
                    None => met >= self.most,
                };
                if is_narrow {
                    (times < 2).then_some(met)
                } else if failed.is_some() {
                    Some(met * (limit / met).sqrt())
                } else {
                    Some((met * 2.0).min(limit))
                }
            }
        }
    }

    /// Takes note of a trial. What is not a rate is ignored, and so is what comes after the last trial.
    pub fn tried(&mut self, rate: f64, outcome: Trial) {
        if rate > 0.0 && rate.is_finite() && self.trials.len() < TRIALS_MOST {
            self.trials.push((rate, outcome));
        }
    }

    /// The trials so far: the evidence.
    pub fn trials(&self) -> &[(f64, Trial)] {
        &self.trials
    }

    /// The highest rate that was met and not refuted since, per second.
    pub fn best(&self) -> Option<f64> {
        self.bracket().met.map(|(rate, _)| rate)
    }

    /// Whether the best rate was met twice, which is so at the end unless the trials ran out.
    pub fn is_confirmed(&self) -> bool {
        self.bracket().met.is_some_and(|(_, times)| times > 1)
    }

    /// What the search has found; final once there is no next rate.
    pub fn verdict(&self) -> Found {
        let bracket = self.bracket();
        let Some((rate, _)) = bracket.met else {
            return Found::NoneMet { least: self.trials.iter().map(|&(rate, _)| rate).reduce(f64::min) };
        };
        match bracket.failed {
            Some((_, Trial::GeneratorLimited)) => Found::AtLeast { rate, why: Ceiling::GeneratorLimited },
            None => Found::AtLeast { rate, why: Ceiling::MostReached },
            Some(_) => Found::Max { rate },
        }
    }

    #[expect(clippy::float_cmp, reason = "a confirmation tries the very rate that was met")]
    fn bracket(&self) -> Bracket {
        let failed = self
            .trials
            .iter()
            .filter(|(_, outcome)| *outcome != Trial::Met)
            .copied()
            // Of equal rates the first failure stays.
            .reduce(|lowest, trial| if trial.0 < lowest.0 { trial } else { lowest });
        let below = failed.map_or(f64::INFINITY, |(rate, _)| rate);
        let met = self.trials.iter().filter(|(rate, outcome)| *outcome == Trial::Met && *rate < below);
        let highest = met.clone().map(|(rate, _)| *rate).reduce(f64::max);
        Bracket { met: highest.map(|best| (best, met.filter(|(rate, _)| *rate == best).count())), failed }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs a search to its end against a system that says how a trial goes.
    fn search(mut search: FindMax, mut system: impl FnMut(f64) -> Trial) -> FindMax {
        while let Some(rate) = search.next() {
            search.tried(rate, system(rate));
        }
        search
    }

    fn up_to(capacity: f64) -> impl FnMut(f64) -> Trial {
        move |rate| if rate <= capacity { Trial::Met } else { Trial::Missed }
    }

    #[test]
    fn it_doubles_then_narrows_then_confirms() {
        let found = search(FindMax::new(100.0, 1e6, 0.5), up_to(900.0));
        let rates: Vec<f64> = found.trials().iter().map(|(rate, _)| rate.round()).collect();
        assert_eq!(rates, [100.0, 200.0, 400.0, 800.0, 1_600.0, 1_131.0, 800.0]);
        assert_eq!(found.verdict(), Found::Max { rate: 800.0 });
        assert!(found.is_confirmed());
    }

    #[test]
    fn a_start_that_fails_is_halved_down_to_the_floor() {
        let found = search(FindMax::new(1_024.0, 1e6, 0.05), up_to(10.0));
        assert!(matches!(found.verdict(), Found::Max { rate } if (9.5..=10.0).contains(&rate)));
        let none = search(FindMax::new(1_024.0, 1e6, 0.05), up_to(0.5));
        assert_eq!((none.verdict(), none.best()), (Found::NoneMet { least: Some(1.0) }, None));
        assert_eq!(none.trials().len(), 11);
    }

    #[test]
    fn the_most_is_tried_itself_and_not_passed() {
        let found = search(FindMax::new(300.0, 1_000.0, 0.05), up_to(f64::MAX));
        assert_eq!(found.verdict(), Found::AtLeast { rate: 1_000.0, why: Ceiling::MostReached });
        let rates: Vec<f64> = found.trials().iter().map(|(rate, _)| *rate).collect();
        assert_eq!(rates, [300.0, 600.0, 1_000.0, 1_000.0]);
        assert_eq!(FindMax::new(300.0, 100.0, 0.05).next(), Some(100.0));
    }

    #[test]
    fn a_limited_generator_leaves_the_target_open() {
        let limited = |rate| if rate > 500.0 { Trial::GeneratorLimited } else { Trial::Met };
        let found = search(FindMax::new(100.0, 1e6, 0.05), limited);
        assert!(matches!(
            found.verdict(),
            Found::AtLeast { rate, why: Ceiling::GeneratorLimited } if (475.0..=500.0).contains(&rate)
        ));
        // A target that fails below the generator's own limit is measured all the same.
        let both = |rate| if rate > 350.0 && rate <= 500.0 { Trial::Missed } else { limited(rate) };
        let found = search(FindMax::new(100.0, 1e6, 0.05), both);
        assert!(matches!(found.verdict(), Found::Max { rate } if (330.0..=350.0).contains(&rate)));
    }

    #[test]
    fn a_best_that_is_not_confirmed_is_given_up() {
        let mut lucky = true;
        let system = |rate: f64| match rate {
            rate if rate <= 500.0 => Trial::Met,
            // The first trial above succeeds by chance.
            _ if std::mem::take(&mut lucky) => Trial::Met,
            _ => Trial::Missed,
        };
        let found = search(FindMax::new(100.0, 1e6, 0.05), system);
        assert!(matches!(found.verdict(), Found::Max { rate } if (470.0..=500.0).contains(&rate)));
        assert!(found.is_confirmed());
    }

    #[test]
    fn absurd_input_still_ends() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let found = search(FindMax::new(bad, bad, bad), up_to(0.3));
            assert!(found.trials().len() < TRIALS_MOST, "{bad}");
        }
        let mut search = FindMax::new(1.0, 10.0, 0.1);
        assert_eq!(search.verdict(), Found::NoneMet { least: None });
        search.tried(f64::NAN, Trial::Met);
        assert_eq!(search.trials(), []);
        for _ in 0..2 * TRIALS_MOST {
            search.tried(1.0, Trial::Met);
        }
        assert_eq!((search.trials().len(), search.next()), (TRIALS_MOST, None));
    }

    proptest! {
        #[test]
        fn a_sharp_limit_is_found_within_the_precision(
            start in 0.1_f64..1e5,
            capacity in 0.1_f64..1e6,
            precision in 0.01_f64..0.5,
        ) {
            let found = search(FindMax::new(start, 1e7, precision), up_to(capacity));
            prop_assert!(found.trials().len() < TRIALS_MOST);
            match found.verdict() {
                Found::Max { rate } => {
                    prop_assert!(rate <= capacity && capacity < rate * (1.0 + precision) * (1.0 + 1e-9));
                    prop_assert!(found.is_confirmed());
                }
                Found::NoneMet { .. } => prop_assert!(capacity < start * FLOOR_SHARE),
                other @ Found::AtLeast { .. } => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn noise_moves_the_result_by_no_more_than_itself(
            start in 1.0_f64..1e4,
            capacity in 100.0_f64..1e6,
            noise in prop::collection::vec(0.9_f64..1.1, TRIALS_MOST),
        ) {
            let mut noise = noise.into_iter();
            let system = |rate: f64| {
                if rate <= capacity * noise.next().unwrap() { Trial::Met } else { Trial::Missed }
            };
            let found = search(FindMax::new(start, 1e7, 0.05), system);
            prop_assert!(found.trials().len() < TRIALS_MOST && found.is_confirmed());
            let share = found.best().unwrap() / capacity;
            prop_assert!((0.9 / 1.051..=1.1).contains(&share), "{} of the capacity", share);
        }
    }
}
