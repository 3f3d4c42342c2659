//! Line charts as SVG. Geometry and scales only: what is drawn comes from the caller.

use std::fmt::Write;

use crate::html::markup::Markup;
use crate::limits::{MAX_BAND_LETTERS, MAX_TIPS};

/// The two sizes every chart is drawn in. A chart scaled down to a phone would have unreadable letters, so each size
/// has its own drawing and the style sheet shows one.
#[derive(Clone, Copy, Debug)]
struct Size {
    class: &'static str,
    width: f64,
    height: f64,
    /// Whether it answers to the pointer. Phones have none.
    tips: bool,
    ticks: usize,
}

const SIZES: [Size; 2] = [
    Size { class: "wide", width: 1_040.0, height: 300.0, tips: true, ticks: 10 },
    Size { class: "narrow", width: 340.0, height: 240.0, tips: false, ticks: 4 },
];

const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 40.0;

/// Height of a line of bands' names, their distance from the band's edge, and the width of a letter about.
const LANE: f64 = 13.0;
const LABEL_PAD: f64 = 5.0;
const LETTER: f64 = 6.0;

/// A drawing area of no extent would divide by zero.
const LEAST_SPAN: f64 = 1e-9;

/// Above this ratio between greatest and least value a linear axis shows only the greatest.
const LOG_RATIO: f64 = 100.0;

/// A line with one value for each place of the chart; `None` leaves a gap.
pub(super) struct Line {
    pub(super) label: String,
    /// Class of its colour.
    pub(super) class: &'static str,
    pub(super) values: Vec<Option<f64>>,
    /// Whether the area below it is filled.
    pub(super) area: bool,
}

/// What stands along the horizontal axis.
pub(super) enum Places {
    /// Moments in seconds.
    Time(Vec<f64>),
    /// Names, evenly spaced.
    Names(&'static [&'static str]),
}

/// A chart.
pub(super) struct Chart {
    /// What a reader who cannot see it is told.
    pub(super) label: String,
    pub(super) x_title: &'static str,
    pub(super) y_title: &'static str,
    pub(super) places: Places,
    pub(super) lines: Vec<Line>,
    /// Text of each place for the pointer.
    pub(super) tips: Vec<String>,
    /// Whether half the height is enough.
    pub(super) low: bool,
    /// Whether the vertical axis may be logarithmic.
    pub(super) log: bool,
    /// Text of a value at the vertical axis.
    pub(super) y_text: fn(f64) -> String,
    /// Text of a moment at the horizontal axis.
    pub(super) x_text: fn(f64) -> String,
    /// Stretches of time to set off; they may overlap.
    pub(super) bands: Vec<Band>,
}

/// A stretch of time with a name.
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) label: String,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Linear { from: f64, to: f64 },
    Log { from: f64, to: f64 },
}

impl Scale {
    /// The place of `value` between 0 and 1.
    fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { from, to } => (value - from) / (to - from).max(LEAST_SPAN),
            Self::Log { from, to } => (value.max(from) / from).ln() / (to / from).ln().max(LEAST_SPAN),
        };
        // What is not a number has no place; a coordinate must be one all the same.
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }
}

impl Chart {
    /// Adds a legend and the chart in both sizes.
    pub(super) fn write(&self, out: &mut Markup) {
        out.raw("<figure>");
        self.legend(out);
        for size in SIZES {
            let height = if self.low { size.height * 0.58 } else { size.height };
            self.drawing(out, Size { height, ..size });
        }
        out.raw("</figure>\n");
    }

    fn legend(&self, out: &mut Markup) {
        out.raw("<ul class=\"legend\">");
        for line in &self.lines {
            out.raw("<li>");
            out.open(
                "svg",
                &[("viewBox", "0 0 24 10"), ("width", "24"), ("height", "10"), ("aria-hidden", "true")],
            );
            out.void("path", &[("class", &format!("line {}", line.class)), ("d", "M2 5H22")]);
            out.raw("</svg>");
            out.leaf("span", "", &line.label);
            out.raw("</li>");
        }
        out.raw("</ul>\n");
    }

    fn drawing(&self, out: &mut Markup, size: Size) {
        let view = format!("0 0 {} {}", size.width, size.height);
        let class = format!("chart {}", size.class);
        out.open(
            "svg",
            &[("class", &class), ("viewBox", &view), ("role", "img"), ("aria-label", &self.label)],
        );
        let (y_scale, y_ticks) = self.vertical();
        let xs = self.horizontal(size);
        self.shading(out, size);
        self.axes(out, size, y_scale, &y_ticks);
        for line in &self.lines {
            let points: Vec<_> = xs.iter().zip(&line.values).collect();
            let points: Vec<Option<(f64, f64)>> = points
                .into_iter()
                .map(|(x, value)| value.filter(|v| v.is_finite()).map(|v| (*x, down(y_scale.place(v), size))))
                .collect();
            if line.area {
                out.void("path", &[("class", &format!("area {}", line.class)), ("d", &area(&points, size))]);
            }
            out.void("path", &[("class", &format!("line {}", line.class)), ("d", &path(&points))]);
        }
        if size.tips {
            self.hits(out, size, &xs);
        }
        out.raw("</svg>\n");
    }

    fn vertical(&self) -> (Scale, Vec<f64>) {
        let values = || self.lines.iter().flat_map(|line| &line.values).flatten().filter(|v| v.is_finite());
        let greatest = values().copied().fold(0.0, f64::max);
        let least = values().copied().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
        if self.log && least.is_finite() && greatest / least > LOG_RATIO {
            log_axis(least, greatest)
        } else {
            linear_axis(greatest)
        }
    }

    fn time_scale(&self) -> Option<(f64, f64)> {
        let Places::Time(times) = &self.places else { return None };
        let begins = self.bands.iter().map(|band| band.from);
        let from = times.iter().copied().chain(begins).fold(f64::INFINITY, f64::min);
        let to = times.iter().copied().fold(from, f64::max);
        (from.is_finite() && to.is_finite()).then_some((from, to))
    }

    fn horizontal(&self, size: Size) -> Vec<f64> {
        match &self.places {
            Places::Time(times) => {
                let (from, to) = self.time_scale().unwrap_or((0.0, 1.0));
                let scale = Scale::Linear { from, to };
                times.iter().map(|t| across(scale.place(*t), size)).collect()
            }
            Places::Names(names) => {
                let last = (names.len().max(2) - 1) as f64;
                // Half a step of air on both sides, so that the first name stands beside the axis.
                (0..names.len()).map(|i| across(0.05 + 0.9 * i as f64 / last, size)).collect()
            }
        }
    }

    fn shading(&self, out: &mut Markup, size: Size) {
        let Some(times) = self.time_scale() else { return };
        let scale = Scale::Linear { from: times.0, to: times.1 };
        let height = px(size.height - TOP - BOTTOM);
        for (band, lane) in self.bands.iter().zip(lanes(&self.bands)) {
            let (left, right) = (across(scale.place(band.from), size), across(scale.place(band.to), size));
            let (x, width) = (px(left), px((right - left).max(0.0)));
            // Neighbours differ by their edges, those that overlap by adding up.
            out.void(
                "rect",
                &[("class", "shade"), ("x", &x), ("y", &px(TOP)), ("width", &width), ("height", &height)],
            );
            out.void("path", &[("class", "edge"), ("d", &format!("M{x} {TOP}v{height}"))]);
            let room = ((right - left - LABEL_PAD) / LETTER).max(0.0) as usize;
            let y = TOP + LANE * (lane as f64 + 1.0);
            let label = cut(&band.label, room);
            if label.is_empty() || y > size.height - BOTTOM {
                continue;
            }
            out.open("text", &[("class", "mark"), ("x", &px(left + LABEL_PAD)), ("y", &px(y))]);
            out.text(&label);
            out.raw("</text>");
        }
    }

    fn axes(&self, out: &mut Markup, size: Size, y_scale: Scale, y_ticks: &[f64]) {
        let (right, bottom) = (px(size.width - RIGHT), size.height - BOTTOM);
        for tick in y_ticks {
            let y = down(y_scale.place(*tick), size);
            let (at, text_at) = (px(y), px(y + 4.0));
            out.void(
                "line",
                &[("class", "grid"), ("x1", &px(LEFT)), ("x2", &right), ("y1", &at), ("y2", &at)],
            );
            out.open("text", &[("x", &px(LEFT - 8.0)), ("y", &text_at), ("text-anchor", "end")]);
            out.text(&(self.y_text)(*tick));
            out.raw("</text>");
        }
        let base = px(bottom);
        out.void(
            "line",
            &[("class", "axis"), ("x1", &px(LEFT)), ("x2", &right), ("y1", &base), ("y2", &base)],
        );
        for (x, text) in self.x_labels(size) {
            out.open("text", &[("x", &px(x)), ("y", &px(bottom + 17.0)), ("text-anchor", "middle")]);
            out.text(&text);
            out.raw("</text>");
        }
        out.open(
            "text",
            &[("class", "title"), ("x", &right), ("y", &px(size.height - 5.0)), ("text-anchor", "end")],
        );
        out.text(self.x_title);
        out.raw("</text>");
        out.open("text", &[("class", "title"), ("x", "0"), ("y", "12")]);
        out.text(self.y_title);
        out.raw("</text>");
    }

    fn x_labels(&self, size: Size) -> Vec<(f64, String)> {
        match &self.places {
            Places::Names(names) => {
                self.horizontal(size).into_iter().zip(names.iter().map(|&name| name.to_owned())).collect()
            }
            Places::Time(_) => {
                let Some((from, to)) = self.time_scale() else { return Vec::new() };
                let scale = Scale::Linear { from, to };
                let place = |t: f64| (across(scale.place(t), size), (self.x_text)(t));
                time_ticks(from, to, size.ticks).into_iter().map(place).collect()
            }
        }
    }

    /// Invisible columns, each telling the values of the place in its middle.
    fn hits(&self, out: &mut Markup, size: Size, xs: &[f64]) {
        let step = xs.len().div_ceil(MAX_TIPS).max(1);
        let (left, right) = (LEFT, size.width - RIGHT);
        let chosen: Vec<_> = xs.iter().zip(&self.tips).step_by(step).collect();
        for (index, (x, tip)) in chosen.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|i| chosen.get(i)).map_or(left, |p| (p.0 + *x) / 2.0);
            let after = chosen.get(index + 1).map_or(right, |p| (p.0 + *x) / 2.0);
            let middle = px(**x);
            let height = px(size.height - TOP - BOTTOM);
            out.raw("<g class=\"hit\">");
            out.leaf("title", "", tip);
            out.void(
                "rect",
                &[("x", &px(before)), ("y", &px(TOP)), ("width", &px(after - before)), ("height", &height)],
            );
            out.void("path", &[("d", &format!("M{middle} {TOP}v{height}"))]);
            out.raw("</g>\n");
        }
    }
}

/// The line each band's name stands on: the first on which it covers no other's.
fn lanes(bands: &[Band]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..bands.len()).collect();
    order.sort_by(|&a, &b| bands[a].from.total_cmp(&bands[b].from));
    let mut ends: Vec<f64> = Vec::new();
    let mut lanes = vec![0; bands.len()];
    for index in order {
        let band = &bands[index];
        let free = ends.iter().position(|end| *end <= band.from);
        let lane = free.unwrap_or(ends.len());
        match ends.get_mut(lane) {
            Some(end) => *end = band.to,
            None => ends.push(band.to),
        }
        lanes[index] = lane;
    }
    lanes
}

/// `text` in at most `room` letters; nothing when there is no room for even a few.
fn cut(text: &str, room: usize) -> String {
    let room = room.min(MAX_BAND_LETTERS);
    if text.chars().count() <= room {
        text.to_owned()
    } else if room < 4 {
        String::new()
    } else {
        text.chars().take(room - 1).chain(['\u{2026}']).collect()
    }
}

fn across(place: f64, size: Size) -> f64 {
    LEFT + place * (size.width - LEFT - RIGHT)
}

fn down(place: f64, size: Size) -> f64 {
    size.height - BOTTOM - place * (size.height - TOP - BOTTOM)
}

/// A coordinate to a tenth of a pixel.
fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// The path through `points`, broken at gaps. A lone point is drawn as a dot by its round ends.
fn path(points: &[Option<(f64, f64)>]) -> String {
    let mut out = String::new();
    let mut pen_down = false;
    for (index, point) in points.iter().enumerate() {
        let Some((x, y)) = point else {
            pen_down = false;
            continue;
        };
        // Writing to a `String` cannot fail.
        _ = write!(out, "{}{x:.1} {y:.1}", if pen_down { 'L' } else { 'M' });
        if !pen_down && points.get(index + 1).copied().flatten().is_none() {
            out.push_str("h.01");
        }
        pen_down = true;
    }
    out
}

/// The area between `points` and the axis, gaps left open.
fn area(points: &[Option<(f64, f64)>], size: Size) -> String {
    let base = size.height - BOTTOM;
    let mut out = String::new();
    for run in points.split(Option::is_none) {
        let run: Vec<_> = run.iter().flatten().collect();
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        _ = write!(out, "M{:.1} {base:.1}", first.0);
        for (x, y) in &run {
            _ = write!(out, "L{x:.1} {y:.1}");
        }
        _ = write!(out, "L{:.1} {base:.1}Z", last.0);
    }
    out
}

/// From 0 to a round number above `greatest`, in at most six steps of 1, 2 or 5.
fn linear_axis(greatest: f64) -> (Scale, Vec<f64>) {
    let greatest = if greatest > 0.0 { greatest.min(1e18) } else { 1.0 };
    let rough = greatest / 6.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let steps = (greatest / step * 0.999_999).ceil().max(1.0);
    let ticks = (0..=steps as usize).map(|n| n as f64 * step).collect();
    (Scale::Linear { from: 0.0, to: steps * step }, ticks)
}

/// Whole steps of 1, 2, 5 around the values; powers of ten alone when there are many.
fn log_axis(least: f64, greatest: f64) -> (Scale, Vec<f64>) {
    let decades = (greatest / least).log10();
    let steps: &[f64] = if decades > 4.0 {
        &[1.0]
    } else if decades > 2.6 {
        &[1.0, 3.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    let first = least.log10().floor() as i32;
    let last = greatest.log10().ceil() as i32;
    let all: Vec<f64> =
        (first..=last).flat_map(|power| steps.iter().map(move |n| n * 10_f64.powi(power))).collect();
    let from = all.iter().copied().rfind(|tick| *tick <= least * 1.000_001).unwrap_or(least);
    let to = all.iter().copied().find(|tick| *tick >= greatest * 0.999_999).unwrap_or(greatest);
    let ticks = all.into_iter().filter(|tick| (from..=to).contains(tick)).collect();
    (Scale::Log { from, to }, ticks)
}

/// At most about `most` round moments between two.
fn time_ticks(from: f64, to: f64, most: usize) -> Vec<f64> {
    const STEPS: [f64; 18] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0,
        10_800.0, 21_600.0, 86_400.0,
    ];
    let rough = (to - from) / most as f64;
    let step =
        STEPS.into_iter().find(|step| *step >= rough).unwrap_or_else(|| (rough / 86_400.0).ceil() * 86_400.0);
    let first = (from / step).ceil();
    (0..=most).map(|n| (first + n as f64) * step).filter(|t| *t <= to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_axes_end_on_round_numbers() {
        for (greatest, end, count) in [(0.0, 1.0, 6), (7.0, 8.0, 5), (1_030.0, 1_200.0, 7), (100.0, 100.0, 6)]
        {
            let (scale, ticks) = linear_axis(greatest);
            assert_eq!(ticks.last().copied(), Some(end), "{greatest}");
            assert_eq!(ticks.len(), count, "{greatest}: {ticks:?}");
            assert!((scale.place(end) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn log_axes_hold_their_values_between_round_ticks() {
        for (least, greatest) in [(1.0, 200.0), (730.0, 910_000.0), (1.0, 1.8e19), (3.0, 9_000.0)] {
            let (scale, ticks) = log_axis(least, greatest);
            assert!((3..=24).contains(&ticks.len()), "{least}..{greatest}: {ticks:?}");
            assert!(ticks.first().is_some_and(|t| *t <= least * 1.001), "{least}: {ticks:?}");
            assert!(ticks.last().is_some_and(|t| *t >= greatest * 0.999), "{greatest}: {ticks:?}");
            assert!(scale.place(least) >= 0.0 && scale.place(greatest) <= 1.0);
        }
    }

    #[test]
    fn moments_are_round_and_few() {
        assert_eq!(time_ticks(0.0, 60.0, 4), [0.0, 15.0, 30.0, 45.0, 60.0]);
        assert_eq!(time_ticks(0.5, 9.5, 10), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert!(time_ticks(0.0, 1e9, 10).len() <= 11);
        assert_eq!(time_ticks(5.0, 5.0, 10), [5.0]);
    }

    #[test]
    fn names_of_bands_that_overlap_stand_below_each_other() {
        let band = |from, to| Band { from, to, label: String::new() };
        let bands = [band(0.0, 10.0), band(10.0, 30.0), band(12.0, 20.0), band(15.0, 40.0), band(20.0, 25.0)];
        assert_eq!(lanes(&bands), [0, 0, 1, 2, 1]);
        assert_eq!(lanes(&[]), Vec::<usize>::new());
    }

    #[test]
    fn a_name_is_cut_to_its_band() {
        let table = [("peak", 4, "peak"), ("peak load", 6, "peak \u{2026}"), ("peak", 3, ""), ("a", 0, "")];
        for (text, room, expected) in table {
            assert_eq!(cut(text, room), expected, "{text} in {room}");
        }
    }

    #[test]
    fn gaps_break_the_line_and_lone_points_are_dots() {
        let points = [Some((0.0, 1.0)), None, Some((2.0, 3.0)), Some((4.0, 5.0))];
        assert_eq!(path(&points), "M0.0 1.0h.01M2.0 3.0L4.0 5.0");
    }
}
