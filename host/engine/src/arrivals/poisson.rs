//! The order statistics of many uniforms, any of them on demand.

use std::cell::RefCell;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use rand_distr::{Binomial, Distribution};

use crate::mix::scramble;

/// Most points of a leaf: few enough to draw and sort in less than a microsecond, enough that the halving above them
/// costs little for each.
const LEAF_MOST: u64 = 64;

/// Deepest leaf. 2^53 points, more than any plan has, come down to a leaf's size five levels above it.
const DEPTH_MOST: u32 = 52;

/// Up to this many points, tossing a coin for each (64 at a time) is quicker than the general binomial generator.
const COINS_MOST: u64 = 2_048;

/// `total` independent uniforms in ascending order, a pure function of `(seed, total)`.
///
/// The interval is halved again and again. Of the n points of a node, a number with the distribution Binomial(n, 1/2)
/// lies in its left half, and given that number the halves are independent, so the draws of each node need only a seed
/// made from its place in the tree. The way to the last leaf and its points are remembered: going through all points in
/// order draws each node once.
#[derive(Clone, Debug)]
pub(super) struct Points {
    seed: u64,
    total: u64,
    trail: RefCell<Trail>,
}

/// Only what the points are is compared, not which were looked at last.
impl PartialEq for Points {
    fn eq(&self, other: &Self) -> bool {
        (self.seed, self.total) == (other.seed, other.total)
    }
}

#[derive(Clone, Debug, Default)]
struct Trail {
    /// From the root to the last leaf; at most `DEPTH_MOST + 1` nodes.
    nodes: Vec<Node>,
    /// Points of that leaf, in order, in units of 2^-64.
    points: Vec<u64>,
}

/// The interval from `path / 2^depth` to `(path + 1) / 2^depth`.
#[derive(Clone, Copy, Debug)]
struct Node {
    depth: u32,
    path: u64,
    /// Points before it.
    first: u64,
    /// Points in it.
    count: u64,
    /// Points in its left half; of no meaning for a leaf.
    left: u64,
}

impl Node {
    const fn is_leaf(&self) -> bool {
        self.count <= LEAF_MOST || self.depth >= DEPTH_MOST
    }

    fn random(&self, seed: u64) -> Xoshiro256PlusPlus {
        // The place is numbered as in a heap: unique over all depths.
        Xoshiro256PlusPlus::seed_from_u64(scramble(seed ^ scramble((1 << self.depth) | self.path)))
    }

    const fn start(&self) -> u64 {
        if self.depth == 0 { 0 } else { self.path << (64 - self.depth) }
    }

    const fn middle(&self) -> u64 {
        self.start() | (1 << (63 - self.depth))
    }

    const fn holds_point(&self, point: u64) -> bool {
        self.depth == 0 || point >> (64 - self.depth) == self.path
    }

    const fn holds_index(&self, index: u64) -> bool {
        index >= self.first && index - self.first < self.count
    }
}

impl Points {
    pub(super) fn new(seed: u64, total: u64) -> Self {
        Self { seed, total, trail: RefCell::default() }
    }

    /// The point with `index`, from 0 to just below 1; 1 for an index outside.
    pub(super) fn point(&self, index: u64) -> f64 {
        if index >= self.total {
            return 1.0;
        }
        let trail = &mut *self.trail.borrow_mut();
        let leaf = self.seek(trail, |node| node.holds_index(index), |node| index - node.first < node.left);
        let place = (index - leaf.first) as usize;
        trail.points.get(place).map_or(1.0, |&point| (point >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// How many points lie below `bound`.
    pub(super) fn count_below(&self, bound: f64) -> u64 {
        if bound >= 1.0 {
            return self.total;
        }
        let bound = (bound * (u64::MAX as f64)) as u64;
        let trail = &mut *self.trail.borrow_mut();
        let leaf = self.seek(trail, |node| node.holds_point(bound), |node| bound < node.middle());
        leaf.first + trail.points.partition_point(|&point| point < bound) as u64
    }

    /// Goes to a leaf, from the nearest remembered node that `holds` it, and makes its points.
    fn seek(
        &self,
        trail: &mut Trail,
        holds: impl Fn(&Node) -> bool,
        goes_left: impl Fn(&Node) -> bool,
    ) -> Node {
        if let Some(leaf) = trail.nodes.last().filter(|node| holds(node)) {
            return *leaf;
        }
        while trail.nodes.pop_if(|node| !holds(node)).is_some() {}
        let mut node = trail.nodes.last().copied().unwrap_or_else(|| {
            let root = self.node(0, 0, 0, self.total);
            trail.nodes.push(root);
            root
        });
        while !node.is_leaf() {
            let (depth, path) = (node.depth + 1, node.path << 1);
            node = if goes_left(&node) {
                self.node(depth, path, node.first, node.left)
            } else {
                self.node(depth, path | 1, node.first + node.left, node.count - node.left)
            };
            trail.nodes.push(node);
        }
        let mut random = node.random(self.seed);
        trail.points.clear();
        trail.points.extend((0..node.count).map(|_| node.start() | (random.next_u64() >> node.depth)));
        trail.points.sort_unstable();
        node
    }

    fn node(&self, depth: u32, path: u64, first: u64, count: u64) -> Node {
        let mut node = Node { depth, path, first, count, left: 0 };
        if !node.is_leaf() {
            node.left = heads(count, &mut node.random(self.seed));
        }
        node
    }
}

/// A number with the distribution Binomial(`coins`, 1/2).
fn heads(coins: u64, random: &mut Xoshiro256PlusPlus) -> u64 {
    if coins > COINS_MOST {
        // A probability of one half is never refused.
        return Binomial::new(coins, 0.5).map_or(coins / 2, |binomial| binomial.sample(random)).min(coins);
    }
    let whole: u64 = (0..coins / 64).map(|_| u64::from(random.next_u64().count_ones())).sum();
    let rest = random.next_u64() & ((1 << (coins % 64)) - 1);
    whole + u64::from(rest.count_ones())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(points: &Points) -> Vec<f64> {
        (0..points.total).map(|index| points.point(index)).collect()
    }

    /// Mean and variance.
    fn moments(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
    }

    #[test]
    fn heads_have_the_binomial_mean_and_variance() {
        for coins in [1_u64, 63, 64, 65, 130, 2_048, 2_049, 100_000, 1 << 40] {
            let draws: Vec<f64> = (0..20_000_u64)
                .map(|seed| heads(coins, &mut Xoshiro256PlusPlus::seed_from_u64(scramble(seed))) as f64)
                .collect();
            let (mean, variance) = moments(&draws);
            let expected = coins as f64 / 4.0;
            // Four standard errors of the mean of 20 000 draws, and of their variance.
            let mean_off = (mean - coins as f64 / 2.0).abs() / (expected / 20_000.0).sqrt();
            assert!(mean_off < 4.0, "{coins} coins: mean {mean}, {mean_off} standard errors off");
            assert!((variance / expected - 1.0).abs() < 0.04, "{coins} coins: variance {variance}");
        }
    }

    /// Counts in the windows of every size, from those of the first halvings down to those within a leaf, over many
    /// seeds, spread as the counts of independent uniforms do.
    #[test]
    fn counts_in_windows_spread_as_those_of_uniforms() {
        const TOTAL: u64 = 10_000;
        for windows in [2_u64, 7, 64, 1_000, 20_000] {
            let share = 1.0 / windows as f64;
            let counts: Vec<f64> = (0..3_000)
                .map(|seed| {
                    let points = Points::new(seed, TOTAL);
                    let from = seed % windows;
                    let (below, above) = (from as f64 * share, (from + 1) as f64 * share);
                    (points.count_below(above) - points.count_below(below)) as f64
                })
                .collect();
            let (mean, variance) = moments(&counts);
            let (all, one) = (TOTAL as f64 * share, TOTAL as f64 * share * (1.0 - share));
            assert!(
                (mean - all).abs() < 4.0 * (one / 3_000.0).sqrt(),
                "{windows} windows: mean {mean}, not {all}"
            );
            assert!((variance / one - 1.0).abs() < 0.15, "{windows} windows: variance {variance}, not {one}");
        }
    }

    /// A node's draws must not depend on those of the nodes above it.
    #[test]
    fn halves_of_halves_are_independent() {
        const SEEDS: u64 = 4_000;
        for total in [1_000_u64, 100_000] {
            let half_spread = (total as f64 / 4.0).sqrt();
            let products = (0..SEEDS).map(|seed| {
                let points = Points::new(seed, total);
                let (half, quarter) = (points.count_below(0.5) as f64, points.count_below(0.25) as f64);
                let whole_off = (half - total as f64 / 2.0) / half_spread;
                let half_off = (quarter - half / 2.0) / (half / 4.0).sqrt();
                whole_off * half_off
            });
            let correlation = products.sum::<f64>() / SEEDS as f64;
            assert!(correlation.abs() < 4.0 / (SEEDS as f64).sqrt(), "{total} points: {correlation}");
        }
    }

    #[test]
    fn looking_does_not_make_a_difference() {
        let (fresh, used) = (Points::new(5, 1_000), Points::new(5, 1_000));
        used.point(700);
        assert_eq!(fresh, used);
        assert_ne!(fresh, Points::new(6, 1_000));
    }

    proptest! {
        #[test]
        fn points_ascend_whatever_was_asked_before(
            seed: u64,
            total in 0_u64..5_000,
            asked in prop::collection::vec((0_u64..5_000, 0.0_f64..1.0), 0..20),
        ) {
            let points = Points::new(seed, total);
            let in_order = all(&points);
            prop_assert!(in_order.is_sorted());
            prop_assert!(in_order.iter().all(|point| (0.0..1.0).contains(point)));
            for (index, bound) in asked {
                let expected = in_order.get(index as usize).copied().unwrap_or(1.0);
                prop_assert_eq!(points.point(index), expected);
                let below = in_order.iter().filter(|&&point| point < bound).count() as u64;
                prop_assert_eq!(points.count_below(bound), below);
            }
        }
    }

    #[test]
    fn the_largest_total_works() {
        let points = Points::new(1, 1 << 53);
        let middle = points.point(1 << 52);
        assert!((middle - 0.5).abs() < 1e-7, "{middle}");
        assert!(points.point((1 << 53) - 1) < 1.0);
        assert_eq!(points.point(1 << 53), 1.0);
    }
}
