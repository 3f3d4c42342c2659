//! The time series of a run, in constant memory.

use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::block::add;
use crate::{Histogram, MAX_SERIES_POINTS, Percentiles};

/// Shortest point of the series that stands alone, in seconds: half a tick.
const SHORTEST_S: f64 = 0.5;

/// One point of the time series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// Start of the point, in seconds since the load began.
    pub t_s: f64,
    /// Length of the point in seconds.
    pub width_s: f64,
    /// Operations sent.
    pub fired: u64,
    /// Operations that ended.
    pub done: u64,
    /// Operations that ended with an error.
    pub errors: u64,
    /// Virtual users busy at the end of the point.
    pub vus_busy: u64,
    /// Response times in microseconds; absent when nothing ended.
    pub response_us: Option<Percentiles>,
}

/// Collects points; when they are too many, neighbours are merged and the resolution halves.
#[derive(Debug)]
pub struct Series {
    points: Vec<Packed>,
    /// The point being filled, and how many ticks it holds of `ticks_per_point`.
    open: Option<(Packed, usize)>,
    ticks_per_point: usize,
    capacity: usize,
}

#[derive(Clone, Debug)]
struct Packed {
    point: SeriesPoint,
    /// Response times in HDR V2 form: percentiles of merged points come from merged histograms, never from averages.
    histogram: Vec<u8>,
}

impl Default for Series {
    fn default() -> Self {
        Self::with_capacity(MAX_SERIES_POINTS)
    }
}

impl Series {
    fn with_capacity(capacity: usize) -> Self {
        Self { points: Vec::new(), open: None, ticks_per_point: 1, capacity }
    }

    /// Adds a tick. The point's percentiles are derived from `histogram`.
    pub fn push(&mut self, point: SeriesPoint, histogram: &Histogram) {
        let mut tick = Packed { point, histogram: pack(histogram) };
        // A run ends between two ticks; what is left then is too short for rates of its own.
        if tick.point.width_s < SHORTEST_S
            && self.open.is_none()
            && let Some(last) = self.points.pop()
        {
            tick = merge(&last, &tick);
            self.points.push(tick);
            return;
        }
        let (merged, ticks) = match self.open.take() {
            None => (tick, 1),
            Some((open, ticks)) => (merge(&open, &tick), ticks + 1),
        };
        if ticks < self.ticks_per_point {
            self.open = Some((merged, ticks));
            return;
        }
        self.points.push(merged);
        if self.points.len() >= self.capacity {
            let halve = |pair: &[Packed]| match pair {
                [a, b] => Some(merge(a, b)),
                rest => rest.first().cloned(),
            };
            self.points = self.points.chunks(2).filter_map(halve).collect();
            self.ticks_per_point *= 2;
        }
    }

    /// Every point so far, in order.
    pub fn points(&self) -> Vec<SeriesPoint> {
        let open = self.open.iter().map(|(packed, _)| packed);
        self.points.iter().chain(open).map(|packed| packed.point.clone()).collect()
    }
}

fn merge(a: &Packed, b: &Packed) -> Packed {
    // A histogram read back keeps its size; only a fresh one grows.
    let mut histogram = crate::block::histogram();
    add(&mut histogram, &unpack(&a.histogram));
    add(&mut histogram, &unpack(&b.histogram));
    let point = SeriesPoint {
        t_s: a.point.t_s,
        width_s: a.point.width_s + b.point.width_s,
        fired: a.point.fired + b.point.fired,
        done: a.point.done + b.point.done,
        errors: a.point.errors + b.point.errors,
        vus_busy: a.point.vus_busy.max(b.point.vus_busy),
        response_us: Percentiles::of(&histogram),
    };
    Packed { point, histogram: pack(&histogram) }
}

fn pack(histogram: &Histogram) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = V2Serializer::new().serialize(histogram, &mut bytes);
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
    bytes
}

fn unpack(bytes: &[u8]) -> Histogram {
    let read = Deserializer::new().deserialize(&mut &bytes[..]);
    debug_assert!(read.is_ok(), "bytes were written by `pack`");
    read.unwrap_or_else(|_| crate::block::histogram())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::record;

    #[test]
    fn halves_its_resolution_and_merges_histograms_exactly() {
        let mut series = Series::with_capacity(8);
        let mut whole = crate::block::histogram();
        for t in 0..100_u64 {
            let mut histogram = crate::block::histogram();
            record(&mut histogram, t * 100);
            record(&mut whole, t * 100);
            let point = SeriesPoint {
                t_s: t as f64,
                width_s: 1.0,
                fired: 1,
                done: 1,
                errors: 0,
                vus_busy: t,
                response_us: Percentiles::of(&histogram),
            };
            series.push(point, &histogram);
        }
        let points = series.points();
        assert!(points.len() <= 8, "{} points", points.len());
        assert_eq!(points.iter().map(|p| p.fired).sum::<u64>(), 100);
        assert!((points.iter().map(|p| p.width_s).sum::<f64>() - 100.0).abs() < 1e-9);
        let max = points.iter().filter_map(|p| p.response_us).map(|p| p.max).max();
        assert_eq!(max, Some(whole.max()));
        let first = points[0].response_us.expect("has data");
        let expected = whole.value_at_quantile(0.5 * points[0].width_s / 100.0);
        assert!(first.p50.abs_diff(expected) <= 100, "{} against {expected}", first.p50);
        assert!(points.windows(2).all(|pair| (pair[0].t_s + pair[0].width_s - pair[1].t_s).abs() < 1e-9));
    }

    #[test]
    fn a_sliver_at_the_end_joins_its_neighbour() {
        let mut series = Series::default();
        for (t_s, width_s) in [(0.0, 1.0), (1.0, 1.0), (2.0, 0.003)] {
            let mut histogram = crate::block::histogram();
            record(&mut histogram, 5);
            let response_us = Percentiles::of(&histogram);
            let point = SeriesPoint { t_s, width_s, fired: 1, done: 1, errors: 0, vus_busy: 1, response_us };
            series.push(point, &histogram);
        }
        let points = series.points();
        assert_eq!(points.iter().map(|p| p.fired).collect::<Vec<_>>(), [1, 2]);
        assert!((points[1].width_s - 1.003).abs() < 1e-9);
    }
}
