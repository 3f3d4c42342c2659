//! Read buffers shared by all sessions of a core.
//!
//! A waiting session holds none: a buffer is taken when the socket has bytes and goes back when the answer is
//! released. The pool is last-in-first-out, so a core that serves thousands of users keeps reading into the same
//! few cache-warm buffers.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::limits::{MAX_KEPT_BYTES, MAX_POOLED_BUFFERS, READ_BUFFER_BYTES};

/// Memory that all large answers of a run may hold together. Once it is used up, what arrives is counted and not kept.
#[derive(Debug)]
pub struct KeptBudget {
    left: AtomicU64,
}

impl Default for KeptBudget {
    fn default() -> Self {
        Self::new(MAX_KEPT_BYTES)
    }
}

impl KeptBudget {
    /// A budget of so many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self { left: AtomicU64::new(bytes) }
    }

    fn take(&self, bytes: u64) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Initialised bytes, of which the first `filled` hold data.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
    budget: Option<Arc<KeptBudget>>,
    /// Bytes taken from the budget.
    charged: u64,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let (Some(budget), 1..) = (&self.budget, self.charged) {
            budget.give_back(self.charged);
        }
    }
}

impl Buffer {
    /// An empty buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity], filled: 0, budget: None, charged: 0 }
    }

    /// The same, of whose growth [`Self::grow`] asks a budget.
    pub(crate) fn budgeted(capacity: usize, budget: Arc<KeptBudget>) -> Self {
        Self { bytes: vec![0; capacity], filled: 0, budget: Some(budget), charged: 0 }
    }

    /// The bytes that hold data.
    pub fn data(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Number of bytes that hold data.
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether no byte holds data.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Room for more bytes.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    /// Declares `count` more bytes of [`Self::space`] to hold data.
    pub(crate) fn commit(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.bytes.len());
    }

    /// Forgets the bytes past `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.filled = self.filled.min(len);
    }

    /// Moves bytes within the data.
    pub(crate) fn move_within(&mut self, from: std::ops::Range<usize>, to: usize) {
        self.bytes.copy_within(from, to);
    }

    /// Makes room for at least `least` more bytes, doubling so that repeated growth stays linear.
    pub(crate) fn reserve(&mut self, least: usize) {
        if self.bytes.len() - self.filled < least {
            self.bytes.resize(self.grown(least), 0);
        }
    }

    fn grown(&self, least: usize) -> usize {
        (self.filled + least).max(self.bytes.len() * 2)
    }

    /// The same for bytes that are kept; false, and no room, when the budget has none left.
    pub(crate) fn grow(&mut self, least: usize) -> bool {
        if self.bytes.len() - self.filled >= least {
            return true;
        }
        let target = self.grown(least);
        if let Some(budget) = &self.budget {
            let more = (target - self.bytes.len()) as u64;
            if !budget.take(more) {
                return false;
            }
            self.charged += more;
        }
        self.bytes.resize(target, 0);
        true
    }

    /// Appends bytes, growing as needed.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        if let Some(space) = self.bytes.get_mut(self.filled..self.filled + bytes.len()) {
            space.copy_from_slice(bytes);
            self.filled += bytes.len();
        }
    }

    /// A buffer of exactly the same data, which takes over what was charged for it.
    pub(crate) fn compacted(&mut self) -> Self {
        let charged = std::mem::take(&mut self.charged);
        Self { bytes: self.data().to_vec(), filled: self.filled, budget: self.budget.clone(), charged }
    }
}

/// The free buffers of one core.
#[derive(Debug)]
pub(crate) struct BufferPool {
    free: RefCell<Vec<Buffer>>,
    budget: Arc<KeptBudget>,
}

impl BufferPool {
    /// A pool whose buffers grow within the budget.
    pub(crate) fn new(budget: Arc<KeptBudget>) -> Self {
        Self { free: RefCell::default(), budget }
    }

    /// A free buffer, or a new one.
    pub(crate) fn take(&self) -> Buffer {
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| Buffer::budgeted(READ_BUFFER_BYTES, Arc::clone(&self.budget)))
    }

    /// Takes a buffer back. One that grew (or shrank) is freed: kept, it would pin the memory of a rare large answer.
    pub(crate) fn put(&self, mut buffer: Buffer) {
        let mut free = self.free.borrow_mut();
        if buffer.bytes.len() == READ_BUFFER_BYTES && free.len() < MAX_POOLED_BUFFERS {
            buffer.filled = 0;
            free.push(buffer);
        }
    }

    #[cfg(test)]
    pub(crate) fn free_count(&self) -> usize {
        self.free.borrow().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_and_keeps_its_data() {
        let mut buffer = Buffer::with_capacity(4);
        buffer.extend(b"abc");
        buffer.extend(b"defgh");
        assert_eq!(buffer.data(), b"abcdefgh");
        buffer.space().fill(b'x');
        buffer.commit(usize::MAX / 2);
        assert_eq!(buffer.space().len(), 0);
        assert!(buffer.data().starts_with(b"abcdefgh"));
    }

    #[test]
    fn kept_bytes_are_charged_as_long_as_they_are_held() {
        let budget = Arc::new(KeptBudget::new(100));
        let mut first = Buffer::budgeted(10, Arc::clone(&budget));
        assert!(first.grow(10), "there is room");
        first.commit(10);
        assert!(first.grow(80), "it has 90 bytes then");
        let mut second = Buffer::budgeted(10, Arc::clone(&budget));
        assert!(!second.grow(31) && second.grow(30));
        assert_eq!(second.space().len(), 30);
        let compacted = first.compacted();
        drop(first);
        second.commit(30);
        assert!(!second.grow(30), "the data is still held");
        drop(compacted);
        assert!(second.grow(30));
        drop(second);
        assert_eq!(budget.left.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn the_pool_reuses_the_last_buffer_and_drops_grown_ones() {
        let pool = BufferPool::new(Arc::new(KeptBudget::new(0)));
        let mut buffer = pool.take();
        buffer.extend(b"left over");
        pool.put(buffer);
        assert_eq!(pool.free_count(), 1);
        let mut buffer = pool.take();
        assert!(buffer.is_empty());
        buffer.reserve(READ_BUFFER_BYTES + 1);
        pool.put(buffer);
        assert_eq!(pool.free_count(), 0);
        for _ in 0..MAX_POOLED_BUFFERS + 5 {
            pool.put(Buffer::with_capacity(READ_BUFFER_BYTES));
        }
        assert_eq!(pool.free_count(), MAX_POOLED_BUFFERS);
    }
}
