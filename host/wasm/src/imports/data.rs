//! `data`: rows of the plan's feeds.

use rand::RngExt;

use crate::bindings::data::Host;
use crate::feeds::SharedFeed;
use crate::imports::NOT_LIVE;
use crate::state::VuState;

impl VuState {
    fn feed(&self, feed: u32) -> Option<&SharedFeed> {
        self.live.as_ref()?.core.run.feeds.get(feed)
    }
}

impl Host for VuState {
    fn open(&mut self, name: String) -> Result<u32, String> {
        let live = self.live.as_ref().ok_or(NOT_LIVE)?;
        live.core.run.feeds.find(&name).ok_or_else(|| format!("the plan has no feed `{name}`"))
    }

    fn columns(&mut self, feed: u32) -> Vec<String> {
        self.feed(feed).map(|feed| feed.columns.clone()).unwrap_or_default()
    }

    fn len(&mut self, feed: u32) -> u64 {
        self.feed(feed).map(SharedFeed::len).unwrap_or_default()
    }

    fn next(&mut self, feed: u32) -> Option<Vec<String>> {
        let Self { live, rng, .. } = self;
        let feed = live.as_ref()?.core.run.feeds.get(feed)?;
        feed.next(|count| rng.random_range(0..count)).cloned()
    }

    fn row(&mut self, feed: u32, index: u64) -> Option<Vec<String>> {
        self.feed(feed)?.row(index).cloned()
    }
}
