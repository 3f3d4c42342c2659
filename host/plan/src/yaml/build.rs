//! Builds the value and its marks from a stream of events, within the budgets.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::mark::{Mark, Place};
use super::scalar::{check_collection_tag, resolve_plain, resolve_tagged};
use super::{Fault, Located, MAX_DEPTH, MAX_EXPANDED_BYTES, MAX_NODES, Position};

/// A node's anchor (0 when it has none, as the parser counts) and tag.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) anchor: usize,
    pub(super) tag: Option<String>,
}

/// What a part of the document costs against the budgets.
#[derive(Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    bytes: usize,
}

enum Container {
    List(Vec<Value>),
    Map(Map<String, Value>),
}

/// What the next value of a map belongs to.
enum Key {
    Named(String, Position),
    Merge(Position),
}

/// A map or list that is not complete yet.
struct Frame {
    container: Container,
    marks: Vec<Mark>,
    at: Position,
    anchor: usize,
    /// [`Builder::spent`] before it began.
    spent_before: Cost,
    key: Option<Key>,
    merges: Vec<(Value, Mark)>,
    merged_at: Option<Position>,
}

/// A finished node that aliases may repeat.
struct Anchored {
    value: Value,
    mark: Mark,
    cost: Cost,
}

/// Collects events. The caller guarantees that they are balanced, as a parser does.
#[derive(Default)]
pub(super) struct Builder {
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    spent: Cost,
    root: Option<(Value, Mark)>,
}

impl Builder {
    /// The value; null when there was none.
    pub(super) fn finish(self) -> (Value, Mark) {
        let start = Place::Source(Position { line: 1, column: 1 });
        self.root.unwrap_or_else(|| (Value::Null, Mark::scalar(start, false)))
    }

    /// Where the innermost unfinished map or list began.
    pub(super) fn innermost_open(&self) -> Option<Position> {
        self.frames.last().map(|frame| frame.at)
    }

    pub(super) fn begin_list(&mut self, properties: Properties, at: Position) -> Result<(), Located> {
        self.begin(Container::List(Vec::new()), "seq", properties, at)
    }

    pub(super) fn begin_map(&mut self, properties: Properties, at: Position) -> Result<(), Located> {
        self.begin(Container::Map(Map::new()), "map", properties, at)
    }

    fn begin(
        &mut self,
        container: Container,
        kind: &str,
        properties: Properties,
        at: Position,
    ) -> Result<(), Located> {
        if self.expects_key() {
            return Err(Fault::ComplexKey.at(at));
        }
        if let Some(tag) = &properties.tag {
            check_collection_tag(tag, kind).map_err(|fault| fault.at(at))?;
        }
        if self.frames.len() == MAX_DEPTH {
            return Err(Fault::TooDeep.at(at));
        }
        let spent_before = self.spent;
        self.spend(Cost { nodes: 1, bytes: 0 }, at)?;
        self.frames.push(Frame {
            container,
            marks: Vec::new(),
            at,
            anchor: properties.anchor,
            spent_before,
            key: None,
            merges: Vec::new(),
            merged_at: None,
        });
        Ok(())
    }

    /// Ends the innermost map or list.
    pub(super) fn end(&mut self) -> Result<(), Located> {
        let Some(mut frame) = self.frames.pop() else { return Ok(()) };
        frame.apply_merges();
        let value = match frame.container {
            Container::List(items) => Value::Array(items),
            Container::Map(map) => Value::Object(map),
        };
        let mark = Mark { children: frame.marks, ..Mark::scalar(Place::Source(frame.at), false) };
        let cost = Cost {
            nodes: self.spent.nodes - frame.spent_before.nodes,
            bytes: self.spent.bytes - frame.spent_before.bytes,
        };
        self.complete(value, mark, cost, frame.anchor, frame.at)
    }

    pub(super) fn scalar(
        &mut self,
        text: Cow<'_, str>,
        plain: bool,
        properties: Properties,
        at: Position,
    ) -> Result<(), Located> {
        let cost = Cost { nodes: 1, bytes: text.len() };
        self.spend(cost, at)?;
        let is_merge = plain && properties.tag.is_none() && text == "<<";
        if self.expects_key() && properties.anchor == 0 && properties.tag.is_none() {
            return self.key(text.into_owned(), is_merge, at);
        }
        let value = match &properties.tag {
            Some(tag) => resolve_tagged(tag, &text),
            None if plain => resolve_plain(&text),
            None => Ok(Value::String(text.into_owned())),
        };
        let value = value.map_err(|fault| fault.at(at))?;
        let mark = Mark::scalar(Place::Source(at), plain && properties.tag.is_none());
        self.complete(value, mark, cost, properties.anchor, at)
    }

    /// Repeats the node of an anchor.
    pub(super) fn alias(&mut self, anchor: usize, at: Position) -> Result<(), Located> {
        // An anchor which the parser knows but which is not finished is one around this alias.
        let Some(anchored) = self.anchors.get(&anchor) else { return Err(Fault::RecursiveAlias.at(at)) };
        let cost = anchored.cost;
        spend(&mut self.spent, cost, at)?;
        if self.frames.len() + depth(&anchored.value) > MAX_DEPTH {
            return Err(Fault::TooDeep.at(at));
        }
        let place = Place::Source(at);
        let mark = Mark { entry: place, value: place, ..anchored.mark.clone() };
        let value = anchored.value.clone();
        self.complete(value, mark, cost, 0, at)
    }

    fn expects_key(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.key.is_none() && matches!(frame.container, Container::Map(_)))
    }

    fn spend(&mut self, cost: Cost, at: Position) -> Result<(), Located> {
        spend(&mut self.spent, cost, at)
    }

    fn key(&mut self, text: String, is_merge: bool, at: Position) -> Result<(), Located> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let Container::Map(map) = &frame.container else { return Ok(()) };
        let first = if is_merge {
            frame.merged_at.replace(at)
        } else if map.contains_key(&text) {
            let index = map.keys().position(|key| *key == text);
            match index.and_then(|index| frame.marks.get(index)).map(|mark| mark.entry) {
                Some(Place::Source(first)) => Some(first),
                _ => Some(at),
            }
        } else {
            None
        };
        if let Some(first) = first {
            return Err(Fault::DuplicateKey { key: text, first }.at(at));
        }
        frame.key = Some(if is_merge { Key::Merge(at) } else { Key::Named(text, at) });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn complete(
        &mut self,
        value: Value,
        mut mark: Mark,
        cost: Cost,
        anchor: usize,
        at: Position,
    ) -> Result<(), Located> {
        if anchor != 0 {
            // The copy for aliases is memory as well; anchors in anchors would multiply it.
            self.spend(cost, at)?;
            self.anchors.insert(anchor, Anchored { value: value.clone(), mark: mark.clone(), cost });
        }
        if self.expects_key() {
            return match value {
                Value::String(text) => self.key(text, false, at),
                Value::Array(_) | Value::Object(_) => Err(Fault::ComplexKey.at(at)),
                other => self.key(other.to_string(), false, at),
            };
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some((value, mark));
            return Ok(());
        };
        match (&mut frame.container, frame.key.take()) {
            (Container::Map(map), Some(Key::Named(key, at))) => {
                mark.entry = Place::Source(at);
                if value.is_null() {
                    mark.value = mark.entry;
                }
                map.insert(key, value);
                frame.marks.push(mark);
            }
            (_, Some(Key::Merge(at))) => {
                let fits = |value: &Value| value.is_object();
                if !fits(&value) && !value.as_array().is_some_and(|items| items.iter().all(fits)) {
                    return Err(Fault::BadMerge.at(at));
                }
                frame.merges.push((value, mark));
            }
            (Container::List(items), _) => {
                items.push(value);
                frame.marks.push(mark);
            }
            (Container::Map(_), None) => {}
        }
        Ok(())
    }
}

fn spend(spent: &mut Cost, cost: Cost, at: Position) -> Result<(), Located> {
    // Neither sum can overflow: each cost was itself within the budget.
    spent.nodes += cost.nodes;
    spent.bytes += cost.bytes;
    if spent.nodes > MAX_NODES {
        return Err(Fault::TooManyNodes.at(at));
    }
    if spent.bytes > MAX_EXPANDED_BYTES {
        return Err(Fault::TooMuchText.at(at));
    }
    Ok(())
}

impl Frame {
    /// Adds the entries of `<<` which the map does not have itself; earlier maps win over later ones.
    fn apply_merges(&mut self) {
        let Container::Map(map) = &mut self.container else { return };
        for (value, mark) in self.merges.drain(..) {
            let sources = match value {
                Value::Array(items) => items.into_iter().zip(mark.children).collect(),
                other => vec![(other, mark)],
            };
            for (source, mark) in sources {
                let Value::Object(source) = source else { continue };
                for ((key, value), mark) in source.into_iter().zip(mark.children) {
                    if !map.contains_key(&key) {
                        map.insert(key, value);
                        self.marks.push(mark);
                    }
                }
            }
        }
    }
}

/// Levels of maps and lists in a value.
pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
