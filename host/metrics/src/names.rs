//! Run-wide names of operations, checks and metrics, and the small ids the hot path uses instead.

use std::collections::HashMap;

use stresshost_plan::is_hidden;

use crate::{MAX_CHECKS, MAX_METRICS, MAX_NAME_BYTES, MAX_OPERATIONS};

/// Id of an operation within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpId(pub u32);

/// Id of a check within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CheckId(pub u32);

/// Id of a custom metric within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MetricId(pub u32);

/// An operation's name and the protocol it uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpName {
    /// What reports call it, such as `GET /products/{id}`.
    pub name: String,
    /// `http`, `sql`, `redis`, ...
    pub protocol: &'static str,
}

/// What a custom metric holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A sum of increments.
    Counter,
    /// The last value set, with the least and the greatest.
    Gauge,
    /// The share of observations that were true.
    Rate,
    /// A histogram of non-negative integers.
    Distribution,
}

/// A name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesFull {
    /// Too many names of one sort.
    #[error("more than {limit} {sort}; put what varies into a placeholder, not into the name")]
    TooMany {
        /// `operations`, `checks` or `metrics`.
        sort: &'static str,
        /// The limit.
        limit: usize,
    },
    /// An empty or over-long name.
    #[error("a name of {0} bytes; names take 1 to {MAX_NAME_BYTES}")]
    Length(usize),
    /// A name with characters that are not shown.
    #[error("the name `{}` holds control characters", .0.escape_debug())]
    Hidden(String),
    /// The metric exists with another kind or unit.
    #[error("metric `{0}` was declared before with another kind or unit")]
    Conflict(String),
}

/// All names of a run. Written at set-up, read when a tick is folded; never touched by an operation.
#[derive(Debug, Default)]
pub struct Names {
    ops: Interned<OpName>,
    checks: Interned<String>,
    metrics: Interned<String>,
    metric_kinds: Vec<(MetricKind, String)>,
}

#[derive(Debug)]
struct Interned<T> {
    list: Vec<T>,
    index: HashMap<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { list: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    fn intern(&mut self, value: &T, sort: &'static str, limit: usize) -> Result<u32, NamesFull> {
        if let Some(&id) = self.index.get(value) {
            return Ok(id);
        }
        let full = NamesFull::TooMany { sort, limit };
        if self.list.len() >= limit {
            return Err(full);
        }
        let id = u32::try_from(self.list.len()).map_err(|_| full)?;
        self.list.push(value.clone());
        self.index.insert(value.clone(), id);
        Ok(id)
    }
}

fn bounded(name: &str) -> Result<(), NamesFull> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(NamesFull::Length(name.len()));
    }
    if name.contains(is_hidden) { Err(NamesFull::Hidden(name.to_owned())) } else { Ok(()) }
}

impl Names {
    /// The id of an operation, new or known.
    ///
    /// # Errors
    /// When the name is empty or too long, or there are too many operations.
    pub fn op(&mut self, name: &str, protocol: &'static str) -> Result<OpId, NamesFull> {
        bounded(name)?;
        let op = OpName { name: name.to_owned(), protocol };
        self.ops.intern(&op, "operations", MAX_OPERATIONS).map(OpId)
    }

    /// The id of a check, new or known.
    ///
    /// # Errors
    /// When the name is empty or too long, or there are too many checks.
    pub fn check(&mut self, name: &str) -> Result<CheckId, NamesFull> {
        bounded(name)?;
        self.checks.intern(&name.to_owned(), "checks", MAX_CHECKS).map(CheckId)
    }

    /// The id of a metric, new or known with the same kind and unit.
    ///
    /// # Errors
    /// When the name is empty or too long, known with another kind or unit, or there are too many metrics.
    pub fn metric(&mut self, name: &str, kind: MetricKind, unit: &str) -> Result<MetricId, NamesFull> {
        bounded(name)?;
        if !unit.is_empty() {
            bounded(unit)?;
        }
        let known = self.metric_kinds.len();
        let id = self.metrics.intern(&name.to_owned(), "metrics", MAX_METRICS)?;
        let index = id as usize;
        if index == known {
            self.metric_kinds.push((kind, unit.to_owned()));
        } else if self.metric_kinds.get(index).is_none_or(|(k, u)| *k != kind || u != unit) {
            return Err(NamesFull::Conflict(name.to_owned()));
        }
        Ok(MetricId(id))
    }

    /// Every operation, by id.
    pub fn ops(&self) -> &[OpName] {
        &self.ops.list
    }

    /// Every check, by id.
    pub fn checks(&self) -> &[String] {
        &self.checks.list
    }

    /// Every metric with its kind and unit, by id.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, MetricKind, &str)> {
        let kinds = self.metric_kinds.iter();
        self.metrics.list.iter().zip(kinds).map(|(name, (kind, unit))| (name.as_str(), *kind, unit.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_has_the_same_id() {
        let mut names = Names::default();
        let first = names.op("GET /", "http").unwrap();
        assert_eq!(names.op("GET /", "http").unwrap(), first);
        assert_ne!(names.op("GET /", "sql").unwrap(), first);
        assert_eq!(names.ops().len(), 2);
    }

    #[test]
    fn refuses_what_would_grow_without_bound() {
        let mut names = Names::default();
        for i in 0..MAX_CHECKS {
            names.check(&format!("check {i}")).unwrap();
        }
        assert!(matches!(names.check("one more"), Err(NamesFull::TooMany { sort: "checks", .. })));
        assert_eq!(names.check("check 7").unwrap(), CheckId(7));
        assert_eq!(names.check(""), Err(NamesFull::Length(0)));
        assert_eq!(names.check(&"x".repeat(201)), Err(NamesFull::Length(201)));
    }

    #[test]
    fn a_metric_keeps_its_kind_and_unit() {
        let mut names = Names::default();
        let id = names.metric("rows", MetricKind::Counter, "").unwrap();
        assert_eq!(names.metric("rows", MetricKind::Counter, "").unwrap(), id);
        assert_eq!(names.metric("rows", MetricKind::Gauge, ""), Err(NamesFull::Conflict("rows".into())));
        assert_eq!(names.metric("rows", MetricKind::Counter, "ms"), Err(NamesFull::Conflict("rows".into())));
    }
}
