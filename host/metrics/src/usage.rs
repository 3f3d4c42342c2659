//! What the generator used, gathered tick by tick.

/// CPU time and memory of the generator over some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// CPU time of each core's thread, in nanoseconds.
    busy_ns: Vec<u64>,
    /// Wall time it was used in, in nanoseconds.
    wall_ns: u64,
    /// Intervals that were looked at.
    pub(crate) ticks: u64,
    /// Greatest resident memory in bytes.
    pub(crate) rss_max_bytes: u64,
}

impl Usage {
    /// One interval of `wall_ns`.
    pub(crate) fn tick(cores_cpu_ns: &[u64], wall_ns: u64, rss_bytes: u64) -> Self {
        Self { busy_ns: cores_cpu_ns.to_vec(), wall_ns, ticks: 1, rss_max_bytes: rss_bytes }
    }

    /// Adds another stretch of time.
    pub(crate) fn absorb(&mut self, other: &Self) {
        if self.busy_ns.len() < other.busy_ns.len() {
            self.busy_ns.resize(other.busy_ns.len(), 0);
        }
        for (into, from) in self.busy_ns.iter_mut().zip(&other.busy_ns) {
            *into = into.saturating_add(*from);
        }
        self.wall_ns = self.wall_ns.saturating_add(other.wall_ns);
        self.ticks += other.ticks;
        self.rss_max_bytes = self.rss_max_bytes.max(other.rss_max_bytes);
    }

    /// CPU time of all cores over the wall time and their number.
    pub(crate) fn cpu_share(&self) -> f64 {
        let busy_ns = self.busy_ns.iter().fold(0_u64, |sum, ns| sum.saturating_add(*ns));
        self.share(busy_ns) / self.busy_ns.len().max(1) as f64
    }

    /// CPU time of the busiest core over the wall time.
    pub(crate) fn busiest_share(&self) -> f64 {
        self.share(self.busy_ns.iter().copied().max().unwrap_or(0))
    }

    /// Some CPU time over the wall time: 1.0 is one core.
    pub(crate) fn share(&self, busy_ns: u64) -> f64 {
        if self.wall_ns > 0 { busy_ns as f64 / self.wall_ns as f64 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_whole_time_and_the_busiest_is_one_core() {
        let mut usage = Usage::default();
        usage.absorb(&Usage::tick(&[500, 100], 1_000, 7));
        usage.absorb(&Usage::tick(&[100, 900], 1_000, 5));
        assert_eq!((usage.cpu_share(), usage.busiest_share()), (0.4, 0.5));
        assert_eq!((usage.rss_max_bytes, usage.ticks), (7, 2));
    }

    #[test]
    fn no_time_is_no_share() {
        assert_eq!(Usage::default().cpu_share(), 0.0);
        assert_eq!(Usage::tick(&[5], 0, 0).busiest_share(), 0.0);
    }
}
