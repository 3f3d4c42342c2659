//! Numbers at bounds and beside them.

use serde_json::{Number, Value, json};

use super::Case;

/// The bounds of whole numbers, both inclusive, and what they are multiples of.
struct Whole {
    low: Option<i128>,
    high: Option<i128>,
    step: i128,
}

/// Numbers tried where a schema has no bound.
const USUAL_SPAN: i128 = 1_000;

impl Whole {
    fn new(schema: &Value) -> Self {
        let read = |key: &str, round: fn(f64) -> f64| schema.get(key).and_then(|value| whole(value, round));
        let low = read("minimum", f64::ceil)
            .into_iter()
            .chain(read("exclusiveMinimum", f64::floor).map(|low| low + 1));
        let high = read("maximum", f64::floor)
            .into_iter()
            .chain(read("exclusiveMaximum", f64::ceil).map(|high| high - 1));
        let multiple =
            schema.get("multipleOf").filter(|step| step.as_f64().is_some_and(|step| step.fract() == 0.0));
        let step = multiple.and_then(|step| whole(step, f64::floor)).filter(|step| *step > 0).unwrap_or(1);
        Self { low: low.max(), high: high.min(), step }
    }

    /// The first allowed number.
    fn first(&self) -> Option<i128> {
        self.low.map(|low| -((-low).div_euclid(self.step) * self.step))
    }

    /// The last allowed number.
    fn last(&self) -> Option<i128> {
        self.high.map(|high| high.div_euclid(self.step) * self.step)
    }

    /// A span to draw from.
    fn span(&self) -> (i128, i128) {
        let width = USUAL_SPAN * self.step;
        match (self.first(), self.last()) {
            (Some(first), Some(last)) => (first, last.max(first)),
            (Some(first), None) => (first, first + width),
            (None, Some(last)) => (last - width, last),
            (None, None) => (-width, width),
        }
    }
}

fn whole(value: &Value, round: fn(f64) -> f64) -> Option<i128> {
    let exact = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    // Beyond these a bound says nothing about whole numbers of 64 bits.
    exact.or_else(|| value.as_f64().map(round).filter(|float| float.abs() < 1e20).map(|float| float as i128))
}

fn written(number: i128) -> Value {
    let small = i64::try_from(number).map(|number| json!(number));
    small.or_else(|_| u64::try_from(number).map(|number| json!(number))).unwrap_or_default()
}

/// A number as JSON, without a fraction where it has none.
fn float(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return json!(number as i64);
    }
    Number::from_f64(number).map(Value::Number).unwrap_or_default()
}

fn bound(schema: &Value, key: &str) -> Option<f64> {
    schema.get(key).and_then(Value::as_f64)
}

/// The distance to the next number that is tried.
fn unit(schema: &Value) -> f64 {
    bound(schema, "multipleOf").filter(|step| *step > 0.0).unwrap_or(0.5)
}

/// The lowest and the highest number that is allowed and tried.
fn ends(schema: &Value) -> (Option<f64>, Option<f64>) {
    let unit = unit(schema);
    let low =
        bound(schema, "minimum").into_iter().chain(bound(schema, "exclusiveMinimum").map(|low| low + unit));
    let high =
        bound(schema, "maximum").into_iter().chain(bound(schema, "exclusiveMaximum").map(|high| high - unit));
    let low = low.reduce(f64::max).map(|low| multiple(schema, low, f64::ceil));
    let high = high.reduce(f64::min).map(|high| multiple(schema, high, f64::floor));
    (low, high)
}

/// The multiple beside a number, when multiples are asked for.
fn multiple(schema: &Value, number: f64, round: fn(f64) -> f64) -> f64 {
    match bound(schema, "multipleOf").filter(|step| *step > 0.0) {
        Some(step) => round(number / step) * step,
        None => number,
    }
}

/// A number that is allowed.
pub(super) fn base(schema: &Value, is_whole: bool) -> Value {
    if is_whole {
        let whole = Whole::new(schema);
        let (first, last) = whole.span();
        return written(whole.step.clamp(first, last));
    }
    match ends(schema) {
        (Some(low), _) if low > 1.0 => float(low),
        (_, Some(high)) if high < 1.0 => float(high),
        (Some(low), Some(high)) if high - low < 2.0 => float(low),
        _ => float(multiple(schema, 1.0, f64::ceil)),
    }
}

/// The `index`th of different numbers that are allowed.
pub(super) fn nth(schema: &Value, index: usize) -> Value {
    let whole = Whole::new(schema);
    let offset = i128::try_from(index).unwrap_or(0) * whole.step;
    let (first, last) = (whole.first(), whole.last());
    written(match (first, last) {
        (Some(first), _) => first + offset,
        (None, Some(last)) => last - offset,
        (None, None) => offset,
    })
}

/// Numbers that are allowed.
pub(super) fn allowed(schema: &Value, is_whole: bool, draw: &mut dyn FnMut(u64) -> u64) -> Vec<Case> {
    if is_whole { allowed_whole(schema, draw) } else { allowed_float(schema, draw) }
}

fn allowed_whole(schema: &Value, draw: &mut dyn FnMut(u64) -> u64) -> Vec<Case> {
    let whole = Whole::new(schema);
    let step = whole.step;
    let mut cases = Vec::new();
    if let Some(first) = whole.first() {
        cases.push(Case::new(written(first), format!("the least, {first}")));
        cases.push(Case::new(written(first + step), "one above the least"));
    }
    if let Some(last) = whole.last() {
        cases.push(Case::new(written(last), format!("the greatest, {last}")));
        cases.push(Case::new(written(last - step), "one below the greatest"));
    }
    cases.extend([0, step, -step].map(|number| Case::new(written(number), format!("{number}"))));
    let (first, last) = whole.span();
    let count = u64::try_from((last - first) / step).unwrap_or(u64::MAX - 1).saturating_add(1);
    let drawn = first + i128::from(draw(count)) * step;
    cases.push(Case::new(written(drawn), format!("{drawn}")));
    let (smallest, largest) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Some("int64") => (i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => return cases,
    };
    cases.push(Case::new(written(largest), "the greatest of its format"));
    cases.push(Case::new(written(smallest), "the least of its format"));
    cases
}

fn allowed_float(schema: &Value, draw: &mut dyn FnMut(u64) -> u64) -> Vec<Case> {
    let ((low, high), unit) = (ends(schema), unit(schema));
    let mut cases = Vec::new();
    if let Some(low) = low {
        cases.push(Case::new(float(low), format!("the least, {low}")));
        cases.push(Case::new(float(low + unit), "a little above the least"));
    }
    if let Some(high) = high {
        cases.push(Case::new(float(high), format!("the greatest, {high}")));
        cases.push(Case::new(float(high - unit), "a little below the greatest"));
    }
    cases.extend([0.0, unit, -unit, 1.0].map(|number| Case::new(float(number), format!("{number}"))));
    let from = low.unwrap_or_else(|| high.unwrap_or(500.0) - 1_000.0);
    let width = high.map_or(1_000.0, |high| high - from);
    // In thousandths, so that the number stays short.
    let drawn = multiple(schema, from + width * (draw(1_001) as f64 / 1_000.0), f64::floor);
    cases.push(Case::new(float(drawn), format!("{drawn}")));
    cases
}

/// Numbers just outside.
pub(super) fn outside(schema: &Value, is_whole: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    let unit = if is_whole { 1.0 } else { unit(schema) };
    let beside = |key: &str, by: f64| match schema.get(key).and_then(|value| whole(value, f64::round)) {
        Some(bound) if is_whole => written(bound + if by < 0.0 { -1 } else { 1 }),
        _ => bound(schema, key).map_or(Value::Null, |bound| float(bound + by)),
    };
    for (key, by, about) in [("minimum", -unit, "below the minimum"), ("maximum", unit, "above the maximum")]
    {
        if let Some(bound) = schema.get(key) {
            let near = if is_whole { "one" } else { "a little" };
            cases.push(Case::new(beside(key, by), format!("{near} {about} {bound}")));
        }
    }
    for (key, about) in [("exclusiveMinimum", "more"), ("exclusiveMaximum", "less")] {
        if let Some(bound) = schema.get(key) {
            cases.push(Case::new(bound.clone(), format!("{bound}, where {about} is wanted")));
        }
    }
    if let Some(step) = bound(schema, "multipleOf") {
        let from = base(schema, is_whole).as_f64().unwrap_or_default();
        let by = if is_whole { 1.0 } else { step / 2.0 };
        cases.push(Case::new(float(from + by), format!("no multiple of {step}")));
    }
    let whole = Whole::new(schema);
    if let (true, Some(first)) = (is_whole && whole.step > 1, whole.first()) {
        cases.push(Case::new(written(first - whole.step), "the multiple before the minimum"));
    }
    if is_whole {
        let from = base(schema, true).as_f64().unwrap_or_default();
        cases.push(Case::new(json!(from + 0.5), "a fraction instead of a whole number"));
    }
    cases
}
