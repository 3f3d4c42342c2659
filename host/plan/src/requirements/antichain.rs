//! The heaviest set of phases of which none depends on another.
//!
//! Phases can run side by side exactly when no chain of dependencies leads from one to the other, so the most that can
//! exist at once is the greatest weight of such a set: a maximum-weight antichain of the dependency order. By the
//! weighted form of Dilworth's theorem it weighs as much as all phases together less a maximum flow that pairs weight
//! of a phase with weight of phases behind it, and a minimum cut of that flow names the set itself. Checking all sets
//! instead would take 2^50 steps for 50 phases.

/// Indices of the heaviest antichain, ascending. `before[i]` holds the indices that `i` depends on. Weights are finite
/// and not negative.
pub(super) fn heaviest(weights: &[f64], before: &[&[usize]]) -> Vec<usize> {
    let precedes = closure(before);
    let mut flow = Flow::new(weights, &precedes);
    while flow.augment() {}
    // A phase is in the set when its own weight is still to be had as one that comes first and nobody reaches it as
    // one that comes after.
    let (first, after) = flow.reachable();
    (0..weights.len()).filter(|&index| first[index] && !after[index]).collect()
}

/// `closure[a][b]`: whether a chain of dependencies leads from `b` back to `a`.
fn closure(before: &[&[usize]]) -> Vec<Vec<bool>> {
    let count = before.len();
    let mut precedes = vec![vec![false; count]; count];
    for (index, earlier) in before.iter().enumerate() {
        for &earlier in earlier.iter().filter(|&&earlier| earlier < count) {
            precedes[earlier][index] = true;
        }
    }
    for middle in 0..count {
        let behind = precedes[middle].clone();
        for row in &mut precedes {
            if row[middle] {
                row.iter_mut().zip(&behind).for_each(|(entry, behind)| *entry |= behind);
            }
        }
    }
    precedes
}

/// A flow from each phase to the phases behind it; each gives at most its weight and takes at most its weight.
struct Flow<'a> {
    precedes: &'a [Vec<bool>],
    /// Weight a phase can still give.
    giving: Vec<f64>,
    /// Weight a phase can still take.
    taking: Vec<f64>,
    sent: Vec<Vec<f64>>,
}

/// What can be reached from phases that still have weight to give.
struct Reached {
    /// For each giver that is reached: the taker it was reached from, none at the start.
    givers: Vec<Option<Option<usize>>>,
    /// For each taker that is reached: its giver and the number of steps.
    takers: Vec<Option<(usize, usize)>>,
}

impl<'a> Flow<'a> {
    fn new(weights: &[f64], precedes: &'a [Vec<bool>]) -> Self {
        let sent = vec![vec![0.0; weights.len()]; weights.len()];
        Self { precedes, giving: weights.to_vec(), taking: weights.to_vec(), sent }
    }

    /// Sends more along a shortest path that has room, found breadth first, so that the number of rounds is bounded
    /// whatever the weights are. False when there is none.
    fn augment(&mut self) -> bool {
        let Reached { givers, takers } = self.search();
        let end = (0..self.taking.len())
            .filter(|&taker| self.taking[taker] > 0.0)
            .filter_map(|taker| Some((takers[taker]?.1, taker)))
            .min();
        let Some((_, end)) = end else { return false };
        // Back along the path: each step is a giver that sends to a taker, and perhaps takes back from another one.
        let mut path = Vec::new();
        let mut amount = self.taking[end];
        let mut taker = end;
        loop {
            let Some((giver, _)) = takers[taker] else { return false };
            match givers[giver] {
                Some(Some(other)) => {
                    amount = amount.min(self.sent[giver][other]);
                    path.push((giver, taker, Some(other)));
                    taker = other;
                }
                _ => {
                    amount = amount.min(self.giving[giver]);
                    path.push((giver, taker, None));
                    break;
                }
            }
        }
        self.taking[end] -= amount;
        for (giver, taker, back) in path {
            self.sent[giver][taker] += amount;
            match back {
                Some(other) => self.sent[giver][other] -= amount,
                None => self.giving[giver] -= amount,
            }
        }
        true
    }

    fn search(&self) -> Reached {
        let count = self.giving.len();
        let start = |&room: &f64| (room > 0.0).then_some(None);
        let mut reached =
            Reached { givers: self.giving.iter().map(start).collect(), takers: vec![None; count] };
        let mut front: Vec<usize> = (0..count).filter(|&giver| reached.givers[giver].is_some()).collect();
        let mut steps = 0;
        while !front.is_empty() {
            let mut next = Vec::new();
            for giver in front {
                let behind = (0..count).filter(|&taker| self.precedes[giver][taker]);
                for taker in behind {
                    if reached.takers[taker].is_some() {
                        continue;
                    }
                    reached.takers[taker] = Some((giver, steps));
                    for other in (0..count).filter(|&other| self.sent[other][taker] > 0.0) {
                        if reached.givers[other].is_none() {
                            reached.givers[other] = Some(Some(taker));
                            next.push(other);
                        }
                    }
                }
            }
            front = next;
            steps += 1;
        }
        reached
    }

    fn reachable(&self) -> (Vec<bool>, Vec<bool>) {
        let Reached { givers, takers } = self.search();
        (givers.iter().map(Option::is_some).collect(), takers.iter().map(Option::is_some).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn borrowed(before: &[Vec<usize>]) -> Vec<&[usize]> {
        before.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn phases_of_a_chain_exclude_each_other() {
        let before = [vec![], vec![0], vec![1], vec![]];
        assert_eq!(heaviest(&[3.0, 9.0, 8.0, 2.0], &borrowed(&before)), [1, 3]);
        // Not only direct dependencies count: 0 comes before 2.
        assert_eq!(heaviest(&[5.0, 1.0, 5.5], &borrowed(&before[..3])), [2]);
        assert_eq!(heaviest(&[], &[]), [0_usize; 0]);
    }

    #[test]
    fn what_depends_on_itself_ends() {
        heaviest(&[1.0, 2.0], &borrowed(&[vec![1, 7], vec![0, 1]]));
    }

    #[test]
    fn fifty_phases_are_quick() {
        let before: Vec<Vec<usize>> =
            (0..50).map(|index| (0..index).filter(|j| (index * j) % 3 == 1).collect()).collect();
        let weights: Vec<f64> = (0..50).map(|index| f64::from((index * 7919) % 101)).collect();
        let set = heaviest(&weights, &borrowed(&before));
        let precedes = closure(&borrowed(&before));
        assert!(set.iter().all(|&a| set.iter().all(|&b| !precedes[a][b])));
        assert!(set.len() > 1);
    }

    proptest! {
        #[test]
        fn no_set_is_heavier(
            phases in proptest::collection::vec((0_u16..1_000, proptest::bits::u16::ANY), 0..9),
        ) {
            let before: Vec<Vec<usize>> = phases
                .iter()
                .enumerate()
                .map(|(index, (_, mask))| (0..index).filter(|earlier| mask >> earlier & 1 == 1).collect())
                .collect();
            let weights: Vec<f64> = phases.iter().map(|(weight, _)| f64::from(*weight) / 8.0).collect();
            let precedes = closure(&borrowed(&before));
            let is_antichain = |set: &[usize]| set.iter().all(|&a| set.iter().all(|&b| !precedes[a][b]));
            let weight = |set: &[usize]| set.iter().map(|&index| weights[index]).sum::<f64>();
            let best = (0_u32..1 << weights.len())
                .map(|mask| (0..weights.len()).filter(|index| mask >> index & 1 == 1).collect::<Vec<_>>())
                .filter(|set| is_antichain(set))
                .map(|set| weight(&set))
                .fold(0.0, f64::max);
            let set = heaviest(&weights, &borrowed(&before));
            prop_assert!(is_antichain(&set));
            prop_assert_eq!(weight(&set), best);
        }
    }
}
