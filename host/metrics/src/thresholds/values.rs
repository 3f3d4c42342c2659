//! What a threshold is judged on, in a form that adds up, and how it becomes one number.

use stresshost_plan::Aggregate;

use crate::block::{add, histogram};
use crate::usage::Usage;
use crate::{Histogram, MetricValue};

/// Measurements of what one threshold looks at. Those of different cores, scenarios and intervals add up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Values that were recorded each.
    Spread(Histogram),
    /// Things that were counted, and how many they were counted among.
    Share { hits: u64, of: u64 },
    /// A sum, and the number of occasions to add to it.
    Sum { sum: f64, of: u64 },
    /// A value that moves.
    Gauge { last: f64, at_ns: u64, min: f64, max: f64 },
    /// The generator.
    Usage(Usage),
}

/// One number, and how many values it was made of. There is no number without values, unless the number is a count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) value: Option<f64>,
    pub(crate) samples: u64,
}

impl Values {
    /// The value of a custom metric; `occasions` is how often a counter could have been incremented.
    pub(crate) fn of_metric(value: &MetricValue, occasions: u64) -> Self {
        match value {
            MetricValue::Counter(sum) => Self::Sum { sum: *sum, of: occasions.max(1) },
            MetricValue::Gauge { last, at_ns, min, max } => {
                Self::Gauge { last: *last, at_ns: *at_ns, min: *min, max: *max }
            }
            MetricValue::Rate { hits, total } => Self::Share { hits: *hits, of: *total },
            MetricValue::Distribution(values) => Self::spread([values]),
        }
    }

    /// All values of some histograms.
    pub(crate) fn spread<'a>(histograms: impl IntoIterator<Item = &'a Histogram>) -> Self {
        let mut merged = histogram();
        for values in histograms {
            add(&mut merged, values);
        }
        Self::Spread(merged)
    }

    /// Adds `other`, in whatever order such values come.
    pub(crate) fn absorb(&mut self, other: &Self) {
        match (self, other) {
            (Self::Spread(into), Self::Spread(from)) => add(into, from),
            (Self::Share { hits, of }, Self::Share { hits: other_hits, of: other_of }) => {
                (*hits, *of) = (*hits + other_hits, *of + other_of);
            }
            (Self::Sum { sum, of }, Self::Sum { sum: other_sum, of: other_of }) => {
                (*sum, *of) = (*sum + other_sum, *of + other_of);
            }
            (
                Self::Gauge { last, at_ns, min, max },
                Self::Gauge { last: other_last, at_ns: other_at_ns, min: other_min, max: other_max },
            ) => {
                if *other_at_ns > *at_ns || (*other_at_ns == *at_ns && *other_last > *last) {
                    (*last, *at_ns) = (*other_last, *other_at_ns);
                }
                (*min, *max) = (min.min(*other_min), max.max(*other_max));
            }
            (Self::Usage(into), Self::Usage(from)) => into.absorb(from),
            // A threshold looks at one metric, and a metric keeps its kind.
            (_, _) => {}
        }
    }

    /// How many values there are.
    pub(crate) fn samples(&self) -> u64 {
        match self {
            Self::Spread(values) => values.len(),
            Self::Share { of, .. } | Self::Sum { of, .. } => *of,
            Self::Gauge { min, max, .. } => u64::from(min <= max),
            Self::Usage(usage) => usage.ticks,
        }
    }

    /// The number these values make; `seconds` is the time they were gathered in.
    pub(crate) fn reading(&self, aggregate: Aggregate, seconds: f64) -> Reading {
        let samples = self.samples();
        let value = match self {
            Self::Spread(values) => return of_histogram(values, aggregate, seconds),
            Self::Share { hits, of } => match aggregate {
                Aggregate::Rate if *of > 0 => Some(*hits as f64 / *of as f64),
                _ => of_amount(*hits as f64, aggregate, seconds),
            },
            Self::Sum { sum, .. } => of_amount(*sum, aggregate, seconds),
            Self::Gauge { last, min, max, .. } if min <= max => match aggregate {
                Aggregate::Last => Some(*last),
                Aggregate::Min => Some(*min),
                Aggregate::Max => Some(*max),
                _ => None,
            },
            Self::Gauge { .. } => None,
            Self::Usage(usage) if samples > 0 => match aggregate {
                Aggregate::Rate => Some(usage.busiest_share()),
                Aggregate::Max => Some(usage.rss_max_bytes as f64),
                _ => None,
            },
            Self::Usage(_) => None,
        };
        Reading { value, samples }
    }

    /// The word for these values in a message.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Spread(_) => "a distribution",
            Self::Share { .. } => "a rate",
            Self::Sum { .. } => "a counter",
            Self::Gauge { .. } => "a gauge",
            Self::Usage(_) => "the generator's",
        }
    }
}

/// The number the values of a histogram make.
pub(crate) fn of_histogram(values: &Histogram, aggregate: Aggregate, seconds: f64) -> Reading {
    let some = |value: f64| (!values.is_empty()).then_some(value);
    let value = match aggregate {
        // The histogram answers with the upper edge of a bucket, which can lie above the greatest value by 0.1%.
        Aggregate::Quantile(share) => some(values.value_at_quantile(share).min(values.max()) as f64),
        Aggregate::Mean => some(values.mean()),
        Aggregate::Min => some(values.min() as f64),
        Aggregate::Max => some(values.max() as f64),
        _ => of_amount(values.len() as f64, aggregate, seconds),
    };
    Reading { value, samples: values.len() }
}

fn of_amount(amount: f64, aggregate: Aggregate, seconds: f64) -> Option<f64> {
    match aggregate {
        Aggregate::Count => Some(amount),
        Aggregate::PerSecond if seconds > 0.0 => Some(amount / seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use Aggregate::{Count, Last, Max, Mean, Min, PerSecond, Quantile, Rate};

    use super::*;
    use crate::block::record;

    fn spread(values: &[u64]) -> Values {
        let mut histogram = histogram();
        for value in values {
            record(&mut histogram, *value);
        }
        Values::Spread(histogram)
    }

    #[test]
    fn every_aggregate_of_every_kind() {
        let gauge = Values::Gauge { last: 2.0, at_ns: 9, min: -1.0, max: 5.0 };
        let unset = Values::Gauge { last: 0.0, at_ns: 0, min: f64::INFINITY, max: f64::NEG_INFINITY };
        let usage = Values::Usage(Usage::tick(&[250, 500], 1_000, 77));
        let cases = [
            (spread(&[10, 20, 30, 40]), Quantile(0.5), Some(20.0), 4),
            (spread(&[10, 20, 30, 40]), Quantile(0.95), Some(40.0), 4),
            (spread(&[10, 20, 30, 40]), Mean, Some(25.0), 4),
            (spread(&[10, 20, 30, 40]), Min, Some(10.0), 4),
            (spread(&[10, 20, 30, 40]), Max, Some(40.0), 4),
            (spread(&[10, 20, 30, 40]), Count, Some(4.0), 4),
            (spread(&[10, 20, 30, 40]), PerSecond, Some(2.0), 4),
            (spread(&[10, 20, 30, 40]), Rate, None, 4),
            (spread(&[10, 20, 30, 40]), Last, None, 4),
            (spread(&[]), Quantile(0.5), None, 0),
            (spread(&[]), Mean, None, 0),
            (spread(&[]), Count, Some(0.0), 0),
            (Values::Share { hits: 3, of: 12 }, Rate, Some(0.25), 12),
            (Values::Share { hits: 3, of: 12 }, Count, Some(3.0), 12),
            (Values::Share { hits: 3, of: 12 }, PerSecond, Some(1.5), 12),
            (Values::Share { hits: 3, of: 12 }, Max, None, 12),
            (Values::Share { hits: 0, of: 0 }, Rate, None, 0),
            (Values::Sum { sum: 2.5, of: 3 }, Count, Some(2.5), 3),
            (Values::Sum { sum: 2.5, of: 3 }, PerSecond, Some(1.25), 3),
            (Values::Sum { sum: 2.5, of: 3 }, Rate, None, 3),
            (gauge.clone(), Last, Some(2.0), 1),
            (gauge.clone(), Min, Some(-1.0), 1),
            (gauge.clone(), Max, Some(5.0), 1),
            (gauge, Count, None, 1),
            (unset, Last, None, 0),
            (usage.clone(), Rate, Some(0.5), 1),
            (usage.clone(), Max, Some(77.0), 1),
            (usage, Mean, None, 1),
            (Values::Usage(Usage::default()), Rate, None, 0),
        ];
        for (values, aggregate, value, samples) in cases {
            let reading = values.reading(aggregate, 2.0);
            assert_eq!(reading, Reading { value, samples }, "{aggregate:?} of {values:?}");
        }
        assert_eq!(spread(&[1]).reading(PerSecond, 0.0).value, None, "no time has no rate");
    }

    #[test]
    fn the_later_value_of_a_gauge_is_the_last_one() {
        let gauge = |last: f64, at_ns: u64| Values::Gauge { last, at_ns, min: last, max: last };
        for (first, second) in [(gauge(3.0, 10), gauge(1.0, 20)), (gauge(1.0, 20), gauge(3.0, 10))] {
            let mut sum = first;
            sum.absorb(&second);
            assert_eq!(sum, Values::Gauge { last: 1.0, at_ns: 20, min: 1.0, max: 3.0 });
        }
    }
}
