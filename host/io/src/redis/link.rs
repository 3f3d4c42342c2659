//! A connection as a plugin has it: to one server, or to the nodes of a cluster.

use std::sync::Arc;

use super::cluster::{Range, SlotMap};
use super::handshake::ServerFacts;
use super::limits::MAX_NODES;
use super::target::Target;
use super::wire::Wire;
use crate::origin::Origin;

pub(crate) struct Link {
    pub(crate) target: Arc<Target>,
    pub(crate) facts: ServerFacts,
    /// The server that the target names, and those its cluster has named since.
    pub(crate) nodes: Vec<Node>,
    map: SlotMap,
    /// Whether a cluster is to be asked for its slots.
    pub(crate) is_unmapped: bool,
}

pub(crate) struct Node {
    pub(crate) origin: Arc<Origin>,
    /// Taken out while it is used: an exchange that is given up takes its connection with it.
    pub(crate) wire: Option<Box<Wire>>,
}

impl Link {
    pub(crate) fn new(target: Target) -> Self {
        let seed = Node { origin: Arc::clone(&target.origin), wire: None };
        let is_unmapped = target.is_cluster;
        let (facts, map) = (ServerFacts::default(), SlotMap::default());
        Self { target: Arc::new(target), facts, nodes: vec![seed], map, is_unmapped }
    }

    /// The node that holds a slot, as far as is known; the first for commands without a key.
    pub(crate) fn node_of(&self, slot: Option<u16>) -> usize {
        slot.and_then(|slot| self.map.node(slot)).unwrap_or(0)
    }

    /// The node of an origin; none when there are too many.
    pub(crate) fn node_at(&mut self, origin: Origin) -> Option<usize> {
        if let Some(known) = self.nodes.iter().position(|node| *node.origin == origin) {
            return Some(known);
        }
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        self.nodes.push(Node { origin: Arc::new(origin), wire: None });
        Some(self.nodes.len() - 1)
    }

    /// Takes over what a cluster says of its slots.
    pub(crate) fn learn(&mut self, ranges: Vec<Range>) {
        let mut known = Vec::with_capacity(ranges.len());
        for Range { first, last, origin } in ranges {
            known.extend(self.node_at(origin).map(|node| (first, last, node)));
        }
        self.map = SlotMap::new(known);
        self.is_unmapped = false;
    }

    /// Notes that a slot is held by another node.
    pub(crate) fn moved(&mut self, slot: u16, node: usize) {
        self.map.moved(slot, node);
    }

    /// After a node could not be reached: its slots may be another's by now, which the next node that is connected to is
    /// asked.
    pub(crate) fn doubt(&mut self) {
        if self.target.is_cluster {
            self.is_unmapped = true;
            for node in &mut self.nodes {
                node.wire = None;
            }
        }
    }
}
