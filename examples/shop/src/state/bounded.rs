//! A map with a bound: at the bound, the oldest entry makes room.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A map that holds at most `capacity` entries; one more evicts the entry inserted first.
pub(crate) struct Bounded<K, V> {
    capacity: usize,
    entries: HashMap<K, V>,
    /// Keys in the order they were first inserted. Entries leave only by eviction, so it matches `entries`.
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V> Bounded<K, V> {
    /// An empty map; a capacity of 0 is taken as 1.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), entries: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// Inserts or replaces; a replaced entry keeps its age.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if let Some(present) = self.entries.get_mut(&key) {
            *present = value;
            return;
        }
        if self.order.len() >= self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.entries.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut map = Bounded::new(3);
        for key in 1..=3 {
            map.insert(key, key);
        }
        map.insert(1, 10);
        map.insert(4, 4);
        assert_eq!([1, 2, 3, 4].map(|key| map.get(&key).copied()), [None, Some(2), Some(3), Some(4)]);
    }

    proptest! {
        #[test]
        fn never_exceeds_its_capacity(capacity in 0_usize..8, keys in prop::collection::vec(0_u8..20, 0..200)) {
            let mut map = Bounded::new(capacity);
            for key in keys {
                map.insert(key, ());
                prop_assert!(map.get(&key).is_some());
                prop_assert!(map.entries.len() <= capacity.max(1));
                prop_assert_eq!(map.entries.len(), map.order.len());
            }
        }
    }
}
