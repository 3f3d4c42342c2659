//! What a cluster says of itself: which node holds which hash slots, and where else to ask.
//!
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, "Redirection and resharding".

use std::collections::BTreeMap;

use serde_json::Value;

use super::reply::ReplyText;
use crate::origin::Origin;

/// Which node holds which hash slots. Nodes are known by their place in a list.
#[derive(Debug, Default)]
pub(crate) struct SlotMap {
    /// First and last slot and their node, in order.
    ranges: Vec<(u16, u16, usize)>,
    /// Slots that were found to have moved since.
    moved: BTreeMap<u16, usize>,
}

impl SlotMap {
    pub(crate) fn new(mut ranges: Vec<(u16, u16, usize)>) -> Self {
        ranges.sort_unstable();
        Self { ranges, moved: BTreeMap::new() }
    }

    /// The node that holds a slot, as far as is known.
    pub(crate) fn node(&self, slot: u16) -> Option<usize> {
        if let Some(node) = self.moved.get(&slot) {
            return Some(*node);
        }
        let after = self.ranges.partition_point(|&(first, ..)| first <= slot);
        let (_, last, node) = *self.ranges.get(after.checked_sub(1)?)?;
        (slot <= last).then_some(node)
    }

    /// Notes that a slot is held by another node.
    pub(crate) fn moved(&mut self, slot: u16, node: usize) {
        self.moved.insert(slot, node);
    }
}

/// Slots and the node that holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) origin: Origin,
}

/// The ranges in a reply to `CLUSTER SLOTS`. A node that does not tell its host is on that of `asked`.
pub(crate) fn slots(reply: &[u8], asked: &Origin) -> Option<Vec<Range>> {
    let ranges: Vec<Value> = serde_json::from_str(&ReplyText(reply).json()?).ok()?;
    let number = |value: &Value| u16::try_from(value.as_u64()?).ok();
    let range = |range: &Value| {
        let master = range.get(2)?;
        let host = master.get(0).and_then(Value::as_str).unwrap_or_default();
        Some(Range {
            first: number(range.get(0)?)?,
            last: number(range.get(1)?)?,
            origin: node(host, number(master.get(1)?)?, asked),
        })
    };
    ranges.iter().map(range).collect()
}

fn node(host: &str, port: u16, asked: &Origin) -> Origin {
    let host =
        if host.is_empty() || host == "?" { asked.host.clone() } else { host.to_ascii_lowercase().into() };
    Origin { scheme: asked.scheme, host, port, path: None }
}

/// Where an error reply sends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirection {
    pub(crate) slot: u16,
    pub(crate) origin: Origin,
    /// For this command only: the slot is about to move.
    pub(crate) is_ask: bool,
}

/// Reads `MOVED 3999 127.0.0.1:6381` and the like.
pub(crate) fn redirection(text: &str, asked: &Origin) -> Option<Redirection> {
    let mut words = text.split(' ');
    let is_ask = match words.next()? {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    let slot = words.next()?.parse().ok().filter(|slot| *slot < super::key::SLOTS)?;
    let (host, port) = words.next()?.rsplit_once(':')?;
    Some(Redirection { slot, origin: node(host, port.parse().ok()?, asked), is_ask })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_belong_to_the_node_that_was_heard_of_last() {
        let mut map = SlotMap::new(vec![(10, 20, 1), (0, 5, 0), (21, 30, 2)]);
        let nodes = |map: &SlotMap| [0, 5, 6, 10, 20, 21, 30, 31].map(|slot| map.node(slot));
        assert_eq!(nodes(&map), [Some(0), Some(0), None, Some(1), Some(1), Some(2), Some(2), None]);
        map.moved(5, 2);
        map.moved(6, 1);
        assert_eq!((map.node(5), map.node(6), map.node(4)), (Some(2), Some(1), Some(0)));
        assert_eq!(SlotMap::default().node(0), None);
    }

    #[test]
    fn a_cluster_tells_its_nodes() {
        let asked = Origin::of_url("rediss://seed:7000").unwrap();
        let reply = b"*2\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$8\r\n10.0.0.1\r\n:7001\r\n*4\r\n:8192\r\n:16383\r\n*2\r\n$0\r\n\r\n:7002\r\n*1\r\n+x\r\n";
        let found = slots(reply, &asked).unwrap();
        let shown: Vec<_> =
            found.iter().map(|range| (range.first, range.last, range.origin.to_string())).collect();
        assert_eq!(
            shown,
            [(0, 8191, "rediss://10.0.0.1:7001".to_owned()), (8192, 16383, "rediss://seed:7002".to_owned())]
        );
        assert_eq!(slots(b"+OK\r\n", &asked), None);
        assert_eq!(slots(b"*1\r\n*1\r\n:0\r\n", &asked), None);
    }

    #[test]
    fn redirections_are_read() {
        let asked = Origin::of_url("redis://seed:7000").unwrap();
        let read =
            |text: &str| redirection(text, &asked).map(|to| (to.slot, to.origin.to_string(), to.is_ask));
        assert_eq!(read("MOVED 3999 127.0.0.1:6381"), Some((3_999, "redis://127.0.0.1:6381".into(), false)));
        assert_eq!(read("ASK 0 ::1:6381"), Some((0, "redis://[::1]:6381".into(), true)));
        assert_eq!(read("MOVED 1 :7001"), Some((1, "redis://seed:7001".into(), false)));
        for text in ["MOVED", "MOVED 16384 h:1", "MOVED x h:1", "MOVED 1 h", "MOVED 1 h:99999", "ERR x"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
