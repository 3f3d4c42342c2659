//! What some rounds say together.

/// Median and ends of some values; not numbers when there are none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        let at = |share| quantile(values, share);
        Self { least: at(0.0), median: at(0.5), most: at(1.0) }
    }

    /// The ends, as tables show them.
    pub(crate) fn ends(&self, digits: usize) -> String {
        format!("{:.digits$} - {:.digits$}", self.least, self.most)
    }
}

/// Each round of one held against the same round of the other: neighbours in time share the machine's mood.
pub(crate) fn ratios(above: &[f64], below: &[f64]) -> Vec<f64> {
    above.iter().zip(below).map(|(above, below)| above / below).collect()
}

fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len().saturating_sub(1)) as f64 * at).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = Spread::of(&[3.0, 1.0, 2.0]);
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.0, 3.0));
        assert_eq!(spread.ends(1), "1.0 - 3.0");
        assert!(Spread::of(&[]).median.is_nan());
    }

    #[test]
    fn a_ratio_is_of_one_round_not_of_medians() {
        assert_eq!(ratios(&[2.0, 30.0], &[1.0, 10.0]), [2.0, 3.0]);
    }
}
