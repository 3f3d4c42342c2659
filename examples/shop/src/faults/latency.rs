//! Latency distributions.

use std::f64::consts::TAU;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{FieldProblem, delay};
use crate::limits::MAX_DELAY_MS;
use crate::rng::SplitMix64;

/// Largest sigma of a lognormal: with 10, one draw in six is already above 22,000 medians.
const MAX_SIGMA: f64 = 10.0;

/// Draws of a truncated normal before it settles for zero. The worst accepted shape, a mean of zero, misses all of
/// them once in 2^64.
const MAX_REDRAWS: usize = 64;

/// How long requests wait, in milliseconds. The timer's granularity is one millisecond, and it rounds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Latency {
    /// No added latency.
    #[default]
    None,
    /// Always the same.
    Constant {
        /// The wait.
        ms: f64,
    },
    /// Every value of a range with equal chance.
    Uniform {
        /// Shortest wait.
        min_ms: f64,
        /// Longest wait.
        max_ms: f64,
    },
    /// Normal, negative draws drawn again.
    Normal {
        /// Mean before truncation.
        mean_ms: f64,
        /// Standard deviation before truncation.
        sd_ms: f64,
    },
    /// Lognormal, the usual shape of service times: a long tail of slow requests.
    LogNormal {
        /// Half of the requests are faster.
        median_ms: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

impl Latency {
    /// One draw, never above [`MAX_DELAY_MS`].
    pub(crate) fn draw_ms(self, rng: &mut SplitMix64) -> f64 {
        let ms = match self {
            Self::None => 0.0,
            Self::Constant { ms } => ms,
            Self::Uniform { min_ms, max_ms } => min_ms + (max_ms - min_ms) * rng.unit(),
            Self::Normal { mean_ms, sd_ms } => (0..MAX_REDRAWS)
                .map(|_| mean_ms + sd_ms * standard_normal(rng))
                .find(|ms| *ms >= 0.0)
                .unwrap_or_default(),
            Self::LogNormal { median_ms, sigma } => median_ms * (sigma * standard_normal(rng)).exp(),
        };
        ms.min(MAX_DELAY_MS)
    }

    pub(super) fn validate(self) -> Result<(), FieldProblem> {
        match self {
            Self::None => Ok(()),
            Self::Constant { ms } => delay("latency.ms", ms),
            Self::Uniform { min_ms, max_ms } => {
                delay("latency.min_ms", min_ms)?;
                delay("latency.max_ms", max_ms)?;
                if min_ms > max_ms {
                    let message = format!("is {min_ms}, but must not exceed max_ms, {max_ms}");
                    return Err(FieldProblem::new("latency.min_ms", message));
                }
                Ok(())
            }
            Self::Normal { mean_ms, sd_ms } => {
                delay("latency.mean_ms", mean_ms)?;
                delay("latency.sd_ms", sd_ms)
            }
            Self::LogNormal { median_ms, sigma } => {
                delay("latency.median_ms", median_ms)?;
                if !(0.0..=MAX_SIGMA).contains(&sigma) {
                    let message = format!("is {sigma}, but must be 0 to {MAX_SIGMA}");
                    return Err(FieldProblem::new("latency.sigma", message));
                }
                Ok(())
            }
        }
    }
}

/// One draw of the standard normal distribution (Box and Muller, 1958).
fn standard_normal(rng: &mut SplitMix64) -> f64 {
    // 1 - unit() is in (0, 1]: the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (TAU * rng.unit()).cos()
}

impl FromStr for Latency {
    type Err = FieldProblem;

    /// Reads `none`, `constant:MS`, `uniform:MIN..MAX`, `normal:MEAN,SD` or `lognormal:MEDIAN,SIGMA`.
    fn from_str(text: &str) -> Result<Self, FieldProblem> {
        let malformed = || {
            FieldProblem::new(
                "latency",
                format!(
                    "is {text:?}, but must be none, constant:MS, uniform:MIN..MAX, normal:MEAN,SD or \
                     lognormal:MEDIAN,SIGMA with times in milliseconds"
                ),
            )
        };
        let (kind, numbers) = text.split_once(':').unwrap_or((text, ""));
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| malformed());
        let pair = |separator| {
            let (first, second) = numbers.split_once(separator).ok_or_else(malformed)?;
            Ok((number(first)?, number(second)?))
        };
        let latency = match kind {
            "none" if numbers.is_empty() => Self::None,
            "constant" => Self::Constant { ms: number(numbers)? },
            "uniform" => {
                let (min_ms, max_ms) = pair("..")?;
                Self::Uniform { min_ms, max_ms }
            }
            "normal" => {
                let (mean_ms, sd_ms) = pair(",")?;
                Self::Normal { mean_ms, sd_ms }
            }
            "lognormal" => {
                let (median_ms, sigma) = pair(",")?;
                Self::LogNormal { median_ms, sigma }
            }
            _ => return Err(malformed()),
        };
        latency.validate()?;
        Ok(latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use proptest::prelude::*;

    #[test]
    fn reads_each_kind() {
        for (text, expected) in [
            ("none", Latency::None),
            ("constant:2.5", Latency::Constant { ms: 2.5 }),
            ("uniform:1..5", Latency::Uniform { min_ms: 1.0, max_ms: 5.0 }),
            ("uniform:0.5..1.5", Latency::Uniform { min_ms: 0.5, max_ms: 1.5 }),
            ("normal:20,5", Latency::Normal { mean_ms: 20.0, sd_ms: 5.0 }),
            ("lognormal:20, 0.5", Latency::LogNormal { median_ms: 20.0, sigma: 0.5 }),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_draw() {
        for text in [
            "",
            "5",
            "none:1",
            "constant",
            "constant:",
            "constant:x",
            "constant:-1",
            "constant:inf",
            "uniform:5",
            "uniform:5..1",
            "uniform:1..NaN",
            "normal:1",
            "normal:-1,1",
            "normal:1,-1",
            "lognormal:1,11",
            "lognormal:1,-1",
            "gamma:1,2",
        ] {
            assert!(text.parse::<Latency>().is_err(), "{text}");
        }
    }

    #[test]
    fn distributions_have_their_moments() {
        let draws = |latency: Latency| {
            let mut drawn: Vec<f64> = (0..20_001).map(|n| latency.draw_ms(&mut rng::at(5, 1, n))).collect();
            drawn.sort_by(f64::total_cmp);
            drawn
        };
        let mean = |drawn: &[f64]| drawn.iter().sum::<f64>() / drawn.len() as f64;
        let near = |actual: f64, expected: f64| {
            assert!((actual - expected).abs() < 0.03 * expected, "{actual} instead of {expected}");
        };
        near(mean(&draws(Latency::Uniform { min_ms: 10.0, max_ms: 30.0 })), 20.0);
        let normal = draws(Latency::Normal { mean_ms: 100.0, sd_ms: 10.0 });
        near(mean(&normal), 100.0);
        // 84.13% of a normal distribution lies below the mean plus one deviation.
        near(normal[16_827], 110.0);
        let lognormal = draws(Latency::LogNormal { median_ms: 20.0, sigma: 0.5 });
        near(lognormal[10_000], 20.0);
        near(mean(&lognormal), 20.0 * 0.125_f64.exp());
        // A half-normal distribution: truncation at a mean of zero.
        near(
            mean(&draws(Latency::Normal { mean_ms: 0.0, sd_ms: 10.0 })),
            10.0 * (2.0 / std::f64::consts::PI).sqrt(),
        );
    }

    proptest! {
        #[test]
        fn draws_stay_in_bounds(seed: u64, a in 0.0..MAX_DELAY_MS, b in 0.0..MAX_DELAY_MS, sigma in 0.0..MAX_SIGMA) {
            let (min_ms, max_ms) = (a.min(b), a.max(b));
            for latency in [
                Latency::Constant { ms: a },
                Latency::Uniform { min_ms, max_ms },
                Latency::Normal { mean_ms: a, sd_ms: b },
                Latency::LogNormal { median_ms: a, sigma },
            ] {
                prop_assert_eq!(latency.validate(), Ok(()));
                let ms = latency.draw_ms(&mut SplitMix64::new(seed));
                prop_assert!((0.0..=MAX_DELAY_MS).contains(&ms), "{:?} drew {}", latency, ms);
            }
            let ms = Latency::Uniform { min_ms, max_ms }.draw_ms(&mut SplitMix64::new(seed));
            prop_assert!(ms >= min_ms && ms <= max_ms);
        }
    }
}
