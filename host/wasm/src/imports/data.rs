//! `data`: rows of the plan's feeds.

use rand::RngExt;

use crate::bindings::data::Host;
use crate::feeds::SharedFeed;
use crate::imports::NOT_LIVE;
use crate::state::VuState;

impl VuState {
    fn feed<T>(&self, feed: u32, look: impl FnOnce(&SharedFeed) -> T) -> Option<T> {
        self.granted()?.core.run.feeds.get(feed).map(look)
    }
}

impl Host for VuState {
    fn open(&mut self, name: String) -> Result<u32, String> {
        let live = self.granted().ok_or(NOT_LIVE)?;
        live.core.run.feeds.find(&name).ok_or_else(|| format!("the plan has no feed `{name}`"))
    }

    fn columns(&mut self, feed: u32) -> Vec<String> {
        self.feed(feed, |feed| feed.columns.clone()).unwrap_or_default()
    }

    fn len(&mut self, feed: u32) -> u64 {
        self.feed(feed, SharedFeed::len).unwrap_or_default()
    }

    fn next(&mut self, feed: u32) -> Option<Vec<String>> {
        let Self { live, rng, .. } = self;
        let live = live.as_ref()?.borrow();
        live.core.run.feeds.get(feed)?.next(|count| rng.random_range(0..count)).cloned()
    }

    fn row(&mut self, feed: u32, index: u64) -> Option<Vec<String>> {
        self.feed(feed, |feed| feed.row(index).cloned()).flatten()
    }
}
