//! The plan's feeds, shared by all virtual users of a run.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use stresshost_plan::{Feed, FeedOrder};

/// Every feed of a run.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    feeds: Vec<SharedFeed>,
}

/// One feed and how far it has been dealt out.
#[derive(Debug)]
pub(crate) struct SharedFeed {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    rows: Vec<Vec<String>>,
    order: FeedOrder,
    /// Row indexes in the order they are dealt; empty when that is the order they stand in.
    shuffled: Vec<u32>,
    dealt: AtomicU64,
}

impl Feeds {
    pub(crate) fn new(feeds: &[Feed], seed: u64) -> Self {
        Self { feeds: (0..).zip(feeds).map(|(index, feed)| SharedFeed::new(feed, seed ^ index)).collect() }
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let index = self.feeds.iter().position(|feed| feed.name == name)?;
        u32::try_from(index).ok()
    }

    pub(crate) fn get(&self, feed: u32) -> Option<&SharedFeed> {
        self.feeds.get(usize::try_from(feed).ok()?)
    }
}

impl SharedFeed {
    fn new(feed: &Feed, seed: u64) -> Self {
        let shuffled =
            if feed.order == FeedOrder::Shuffle { shuffle(feed.rows.len(), seed) } else { Vec::new() };
        let Feed { name, columns, rows, order } = feed.clone();
        Self { name, columns, rows, order, shuffled, dealt: AtomicU64::new(0) }
    }

    pub(crate) const fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(crate) fn row(&self, index: u64) -> Option<&Vec<String>> {
        self.rows.get(usize::try_from(index).ok()?)
    }

    /// The next row; `random` is drawn from the virtual user's own stream where the order asks for it.
    pub(crate) fn next(&self, random: impl FnOnce(u64) -> u64) -> Option<&Vec<String>> {
        let count = self.len();
        if count == 0 {
            return None;
        }
        if self.order == FeedOrder::Random {
            return self.row(random(count));
        }
        let place = self.dealt.fetch_add(1, Ordering::Relaxed);
        match self.order {
            FeedOrder::Unique => self.row(place),
            FeedOrder::Shuffle => {
                let place = usize::try_from(place % count).ok()?;
                self.row(u64::from(*self.shuffled.get(place)?))
            }
            FeedOrder::Sequential | FeedOrder::Random => self.row(place % count),
        }
    }
}

/// A permutation of `0..len` (Fisher and Yates) that the seed reproduces.
fn shuffle(len: usize, seed: u64) -> Vec<u32> {
    let mut rng = StdRng::seed_from_u64(seed);
    // A plan's feed has at most MAX_FEED_ROWS rows, which fits.
    let mut order: Vec<u32> = (0..len as u32).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(order: FeedOrder) -> Feeds {
        let rows = (0..10).map(|row| vec![row.to_string()]).collect();
        Feeds::new(&[Feed { name: "f".into(), columns: vec!["n".into()], rows, order }], 7)
    }

    fn deal(feeds: &Feeds, times: usize) -> Vec<Option<String>> {
        let feed = feeds.get(0).unwrap();
        (0..times).map(|_| feed.next(|count| count - 1).map(|row| row[0].clone())).collect()
    }

    #[test]
    fn each_order_deals_as_it_says() {
        let sequential = deal(&feed(FeedOrder::Sequential), 12);
        assert_eq!((sequential[9].as_deref(), sequential[10].as_deref()), (Some("9"), Some("0")));
        let unique = deal(&feed(FeedOrder::Unique), 12);
        assert_eq!((unique[9].as_deref(), unique[10].as_deref()), (Some("9"), None));
        assert_eq!(deal(&feed(FeedOrder::Random), 2), [Some("9".to_owned()), Some("9".to_owned())]);
        let shuffled = deal(&feed(FeedOrder::Shuffle), 10);
        let mut sorted = shuffled.clone();
        sorted.sort();
        assert_eq!(sorted, sequential[..10]);
        assert_ne!(shuffled, sequential[..10]);
        assert_eq!(shuffled, deal(&feed(FeedOrder::Shuffle), 10), "the seed fixes the order");
    }

    #[test]
    fn unknown_feeds_and_rows_are_none() {
        let feeds = feed(FeedOrder::Sequential);
        assert_eq!((feeds.find("f"), feeds.find("g")), (Some(0), None));
        assert!(feeds.get(1).is_none() && feeds.get(u32::MAX).is_none());
        assert!(feeds.get(0).unwrap().row(10).is_none());
    }
}
