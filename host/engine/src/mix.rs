//! Which scenario of a mix an iteration belongs to: a pure function of its number.

use core::ops::Range;

/// Longest round, in iterations; heavier weights are scaled down to it, rounded up. A round this long takes two days at
/// ten thousand a second, so nobody sees the rounding, and the product of two places fits 64 bits.
const ROUND_MOST: u64 = 1 << 31;

/// Rounds after which shifts repeat, so that long stretches can be counted by multiplication. A prime above the number
/// of cores a machine has: the places of a sharer then meet every shift.
const SHIFTS: u64 = 257;

/// The inverse of the golden ratio in units of 2^-64: multiples of it spread over an interval more evenly than those of
/// any other number.
const GOLDEN_BITS: u64 = 0x9e37_79b9_7f4a_7c15;

/// A counting of many scattered places by a formula costs about as much as looking at this many of them.
const FORMULA_WORTH: u64 = 64;

/// A weighted mix of scenarios.
///
/// Numbers come in rounds as long as the sum of the weights (each divided by their greatest common divisor). In a round
/// each scenario has exactly its weight, spread evenly: the place `p` of a round of length `w` holds the value
/// `(step * p + shift) mod w`, where `step` is prime to `w` and close to the golden section of it, and each scenario
/// owns as many consecutive values as its weight. The shift differs from round to round, again by golden sections, so
/// sharers that take every n-th number each see the scenarios in nearly their proportions, even when n divides the
/// round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Scenarios with the value after their last, in ascending order; the last end is `round`.
    shares: Vec<(u16, u64)>,
    round: u64,
    step: u64,
    seed: u64,
}

impl Mix {
    /// A mix of scenarios with their weights, shifted by `seed`. Weights of 0 are left out; without any other weight
    /// all numbers belong to the first scenario.
    pub fn new(shares: &[(u16, u64)], seed: u64) -> Self {
        let mut weighted: Vec<(u16, u64)> =
            shares.iter().copied().filter(|&(_, weight)| weight > 0).collect();
        if weighted.is_empty() {
            weighted.push((shares.first().map_or(0, |&(scenario, _)| scenario), 1));
        }
        let divisor = weighted.iter().fold(0, |divisor, &(_, weight)| gcd(divisor, weight));
        let sum: u128 = weighted.iter().map(|&(_, weight)| u128::from(weight / divisor)).sum();
        let mut round = 0;
        for (_, weight) in &mut weighted {
            let exact = u128::from(*weight / divisor);
            // Below the most, the quotient is `exact` itself.
            let scaled = exact * u128::from(ROUND_MOST).min(sum);
            round += scaled.div_ceil(sum) as u64;
            *weight = round;
        }
        Self { shares: weighted, round, step: step(round), seed }
    }

    /// The scenario of iteration `number`.
    pub fn scenario(&self, number: u64) -> u16 {
        if let [(scenario, _)] = self.shares[..] {
            return scenario;
        }
        let (round, place) = (number / self.round, number % self.round);
        self.owner(self.value(place, self.shift(round)))
    }

    /// How many of the iterations `0..number` belong to `scenario`.
    pub fn count_before(&self, scenario: u16, number: u64) -> u64 {
        if let [(only, _)] = self.shares[..] {
            return if only == scenario { number } else { 0 };
        }
        let (round, place) = (number / self.round, number % self.round);
        self.values_of(scenario)
            .map(|values| {
                // The weight is at most the round, so the product is at most `number`.
                (values.end - values.start) * round + self.in_round(&values, self.shift(round), 1, place)
            })
            .sum()
    }

    /// How many of the iterations `first + stride * place`, for each place of `places`, belong to `scenario`.
    ///
    /// Takes time that grows with the number of rounds the places cross, until shifts repeat.
    pub fn count_of(&self, scenario: u16, first: u64, stride: u64, places: Range<u64>) -> u64 {
        let places = places.start..places.end.min(places_below_end(first, stride));
        let count = places.end.saturating_sub(places.start);
        if let [(only, _)] = self.shares[..] {
            return if only == scenario { count } else { 0 };
        }
        if count == 0 {
            return 0;
        }
        if stride == 0 {
            return if self.scenario(first) == scenario { count } else { 0 };
        }
        if stride == 1 {
            let from = first + places.start;
            return self.count_before(scenario, from + count) - self.count_before(scenario, from);
        }
        let repeat = self.round * SHIFTS;
        let cycle = repeat / gcd(repeat, stride);
        let (cycles, rest) = (count / cycle, places.start..places.start + count % cycle);
        let of_rest = self.count_places(scenario, first, stride, rest);
        if cycles == 0 {
            return of_rest;
        }
        of_rest + cycles * self.count_places(scenario, first, stride, places.start..places.start + cycle)
    }

    /// As [`Self::count_of`], looking at each place or at each round.
    fn count_places(&self, scenario: u16, first: u64, stride: u64, mut places: Range<u64>) -> u64 {
        if self.round / stride < FORMULA_WORTH {
            return places.by_ref().filter(|place| self.scenario(first + stride * place) == scenario).count()
                as u64;
        }
        self.values_of(scenario).map(|values| self.count_strided(&values, first, stride, &places)).sum()
    }

    /// As [`Self::count_of`], for one share's values, a round at a time.
    fn count_strided(&self, values: &Range<u64>, first: u64, stride: u64, places: &Range<u64>) -> u64 {
        let (mut place, mut total) = (places.start, 0);
        while place < places.end {
            let number = first + stride * place;
            let (round, at) = (number / self.round, number % self.round);
            let here = (self.round - at).div_ceil(stride).min(places.end - place);
            total += self.in_round(values, self.value(at, self.shift(round)), stride, here);
            place += here;
        }
        total
    }

    /// How many of the `count` places that lie `stride` apart, from one whose value is `from`, have one in `values`.
    fn in_round(&self, values: &Range<u64>, from: u64, stride: u64, count: u64) -> u64 {
        let step = u128::from(self.step) * u128::from(stride) % u128::from(self.round);
        // A value v is at least `bound` exactly when v + round - bound carries over into the next multiple of the
        // round, so the difference of two sums of floors counts the values between two bounds.
        let carries = |bound: u64| {
            let from = u128::from(from) + u128::from(self.round - bound);
            floor_sum(u128::from(count), u128::from(self.round), step, from)
        };
        (carries(values.start) - carries(values.end)) as u64
    }

    fn values_of(&self, scenario: u16) -> impl Iterator<Item = Range<u64>> {
        let starts = core::iter::once(0).chain(self.shares.iter().map(|&(_, end)| end));
        starts
            .zip(&self.shares)
            .filter(move |(_, (owner, _))| *owner == scenario)
            .map(|(start, &(_, end))| start..end)
    }

    fn owner(&self, value: u64) -> u16 {
        let share = self.shares.partition_point(|&(_, end)| end <= value);
        self.shares.get(share).map_or(0, |&(scenario, _)| scenario)
    }

    fn value(&self, place: u64, shift: u64) -> u64 {
        (self.step * place + shift) % self.round
    }

    fn shift(&self, round: u64) -> u64 {
        let fraction = scramble(self.seed).wrapping_add((round % SHIFTS).wrapping_mul(GOLDEN_BITS));
        ((u128::from(fraction) * u128::from(self.round)) >> 64) as u64
    }
}

/// A number that looks random and is different for each input: the output function of `SplitMix64` (Steele, Lea and
/// Flood 2014).
pub(crate) const fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(GOLDEN_BITS);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The least number at or above the golden section of `round` that is prime to it.
fn step(round: u64) -> u64 {
    let golden = ((u128::from(round) * u128::from(GOLDEN_BITS)) >> 64) as u64;
    // 1 and `round - 1` are prime to it, so the search ends; gaps between such numbers are short.
    (golden..round).find(|&step| gcd(step, round) == 1).unwrap_or(1)
}

/// How many places there are before `first + stride * place` exceeds what a number can be.
const fn places_below_end(first: u64, stride: u64) -> u64 {
    match (u64::MAX - first).checked_div(stride) {
        Some(last) => last,
        None => u64::MAX,
    }
}

/// The sum of `floor((a * i + b) / m)` for `i` in `0..n`, by Euclid's algorithm on `a` and `m`.
///
/// With every argument below 2^34, no intermediate value exceeds 2^104.
fn floor_sum(mut n: u128, mut m: u128, mut a: u128, mut b: u128) -> u128 {
    let mut sum = 0;
    loop {
        sum += n * n.saturating_sub(1) / 2 * (a / m) + n * (b / m);
        (a, b) = (a % m, b % m);
        let top = a * n + b;
        if top < m {
            return sum;
        }
        (n, b) = (top / m, top % m);
        (m, a) = (a, m);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares() -> impl Strategy<Value = Vec<(u16, u64)>> {
        let weights = prop_oneof![
            4 => prop::collection::vec(0_u64..20, 1..6),
            2 => prop::collection::vec(0_u64..3_000, 1..4),
            1 => prop::collection::vec(0_u64.., 1..4),
        ];
        weights.prop_map(|weights| (0_u16..).zip(weights).collect())
    }

    #[test]
    fn one_scenario_has_every_number() {
        for shares in [&[(7, 5)][..], &[(7, 0)], &[(3, 0), (7, 5)], &[(7, 0), (3, 0)]] {
            let mix = Mix::new(shares, 1);
            assert_eq!((mix.scenario(0), mix.scenario(u64::MAX)), (7, 7), "{shares:?}");
            assert_eq!((mix.count_before(7, 9), mix.count_before(3, 9)), (9, 0), "{shares:?}");
            assert_eq!(mix.count_of(7, 1, 4, 2..6), 4, "{shares:?}");
        }
        assert_eq!(Mix::new(&[], 1).scenario(5), 0);
    }

    #[test]
    fn weights_are_divided_by_what_they_share() {
        let (small, large) = (Mix::new(&[(0, 9), (1, 1)], 5), Mix::new(&[(0, 90), (1, 10)], 5));
        assert_eq!(small, large);
        assert_eq!(small.round, 10);
    }

    #[test]
    fn a_scenario_is_spread_over_its_round() {
        let mix = Mix::new(&[(0, 90), (1, 9), (2, 1)], 3);
        for round in 0..20 {
            let places: Vec<u64> = (0..100).filter(|place| mix.scenario(round * 100 + place) == 1).collect();
            let widest = places.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(widest <= 21, "places {places:?} of round {round}");
        }
    }

    #[test]
    fn every_sharer_sees_nearly_the_proportions() {
        let mixes: [&[(u16, u64)]; 3] = [&[(0, 3), (1, 1)], &[(0, 1), (1, 1)], &[(0, 90), (1, 9), (2, 1)]];
        for weights in mixes {
            let (mix, sum) = (Mix::new(weights, 11), weights.iter().map(|&(_, weight)| weight).sum::<u64>());
            for stride in [2, 3, 4, 10, 64, 100, 128, 200] {
                for (first, &(scenario, weight)) in
                    (0..stride).flat_map(|first| weights.iter().map(move |w| (first, w)))
                {
                    let count = mix.count_of(scenario, first, stride, 0..10_000);
                    let expected = 10_000 * weight / sum;
                    // The sharer's places meet as many values as there are shifts, so shares are steps of one in that.
                    let within = 2 * 10_000 / SHIFTS;
                    assert!(
                        count.abs_diff(expected) <= within,
                        "{weights:?}, {first} + n * {stride}: {count}"
                    );
                }
            }
        }
    }

    #[test]
    fn long_stretches_are_counted_by_multiplication() {
        let mix = Mix::new(&[(0, 3), (1, 1), (2, 6)], 11);
        for (first, stride) in [(0, 4), (7, 3), (1, 257), (9, 2_570), (3, 7)] {
            let slow = (50..100_050).filter(|place| mix.scenario(first + stride * place) == 1).count() as u64;
            assert_eq!(mix.count_of(1, first, stride, 50..100_050), slow, "{first} + n * {stride}");
        }
        let all: u64 = (0..3).map(|scenario| mix.count_of(scenario, 1, 3, 0..1 << 60)).sum();
        assert_eq!(all, 1 << 60);
    }

    #[test]
    fn numbers_at_the_end_do_not_overflow() {
        let mix = Mix::new(&[(0, u64::MAX), (1, u64::MAX - 1), (2, 1)], u64::MAX);
        assert!(mix.round <= ROUND_MOST + 3);
        let all: u64 = (0..3).map(|scenario| mix.count_before(scenario, u64::MAX)).sum();
        assert_eq!(all, u64::MAX);
        let all: u64 = (0..3).map(|scenario| mix.count_of(scenario, u64::MAX, 3, 0..u64::MAX)).sum();
        assert_eq!(all, 0, "the greatest number stands for none");
        assert_eq!(mix.count_of(0, 5, 0, 3..3), 0);
    }

    proptest! {
        #[test]
        fn each_full_round_holds_exactly_the_weights(shares in shares(), seed: u64, round in 0_u64..1_000) {
            let mix = Mix::new(&shares, seed);
            let sum: u64 = shares.iter().fold(0, |sum: u64, &(_, weight)| sum.saturating_add(weight));
            prop_assume!(sum > 0 && mix.round < 10_000);
            let mut counts = vec![0_u64; shares.len()];
            for place in 0..mix.round {
                counts[usize::from(mix.scenario(round * mix.round + place))] += 1;
            }
            for (&(scenario, weight), count) in shares.iter().zip(counts) {
                prop_assert_eq!(count, weight * mix.round / sum, "scenario {}", scenario);
            }
        }

        #[test]
        fn counts_agree_with_the_scenarios(
            shares in shares(),
            seed: u64,
            first in 0_u64..5_000,
            stride in 0_u64..70,
            start in 0_u64..200,
            length in 0_u64..400,
        ) {
            let mix = Mix::new(&shares, seed);
            for &(scenario, _) in &shares {
                let of = |numbers: &mut dyn Iterator<Item = u64>| {
                    numbers.filter(|&number| mix.scenario(number) == scenario).count() as u64
                };
                prop_assert_eq!(mix.count_before(scenario, first), of(&mut (0..first)));
                let places = start..start + length;
                let strided = of(&mut places.clone().map(|place| first + stride * place));
                prop_assert_eq!(mix.count_of(scenario, first, stride, places.clone()), strided);
                // The formula must agree even where looking is quicker.
                if stride > 0 && mix.shares.len() > 1 {
                    let formula: u64 = mix.values_of(scenario)
                        .map(|values| mix.count_strided(&values, first, stride, &places)).sum();
                    prop_assert_eq!(formula, strided);
                }
            }
        }

        #[test]
        fn the_step_is_prime_to_the_round(round in 1_u64..ROUND_MOST) {
            prop_assert_eq!(gcd(step(round), round), 1);
        }
    }
}
