//! Commands sent at once, to one server or to several nodes of a cluster.

use std::future::poll_fn;
use std::task::Poll;

use super::command::Call;
use super::core::RedisCore;
use super::link::Link;
use super::wire::Wire;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::timeout::late;

/// The commands of a pipeline by the node they go to.
pub(crate) struct Batch<'a> {
    calls: &'a [Call],
    shares: Vec<Share>,
    timeout_ns: u64,
}

struct Share {
    node: usize,
    wire: Box<Wire>,
    commands: Commands,
    is_done: bool,
}

/// The commands of one node.
pub(crate) struct Commands {
    /// Their places among all.
    pub(crate) calls: Vec<usize>,
    /// Bytes of each.
    pub(crate) sent: Vec<u64>,
    /// Why not all were answered.
    pub(crate) failure: Option<Failure>,
}

impl<'a> Batch<'a> {
    /// Takes the connections that `calls` need, whose nodes `nodes` names one by one. Where there is none, the commands
    /// are left out.
    pub(crate) fn new(link: &mut Link, calls: &'a [Call], nodes: &[usize]) -> Self {
        let timeouts = calls.iter().map(|call| call.command.timeout_ns.unwrap_or(link.target.timeout_ns));
        let timeout_ns = timeouts.max().unwrap_or(link.target.timeout_ns);
        let mut shares: Vec<Share> = Vec::new();
        for (index, &node) in nodes.iter().enumerate() {
            if let Some(share) = shares.iter_mut().find(|share| share.node == node) {
                share.commands.calls.push(index);
            } else if let Some(wire) = link.nodes.get_mut(node).and_then(|node| node.wire.take()) {
                let commands = Commands { calls: vec![index], sent: Vec::new(), failure: None };
                shares.push(Share { node, wire, commands, is_done: false });
            }
        }
        Self { calls, shares, timeout_ns }
    }

    /// Sends everything and waits until every node has answered or failed.
    pub(crate) async fn run(&mut self, core: &RedisCore, deadline: &mut Deadline, fired_ns: u64) {
        let mut is_begun = false;
        poll_fn(|cx| {
            if !std::mem::replace(&mut is_begun, true) {
                for share in &mut self.shares {
                    let Commands { calls, sent, .. } = &mut share.commands;
                    core.with_scratch(|scratch| {
                        for call in calls.iter().filter_map(|&index| self.calls.get(index)) {
                            let before = scratch.len();
                            call.command.render(&call.values, scratch);
                            sent.push((scratch.len() - before) as u64);
                        }
                        share.wire.begin(cx, core, scratch, calls.len());
                    });
                }
            }
            let mut is_done = true;
            for share in self.shares.iter_mut().filter(|share| !share.is_done) {
                match share.wire.poll(cx, core) {
                    Poll::Ready(result) => {
                        share.commands.failure = result.err();
                        share.is_done = true;
                    }
                    Poll::Pending => is_done = false,
                }
            }
            if is_done {
                return Poll::Ready(());
            }
            let deadline_ns = fired_ns.saturating_add(self.timeout_ns);
            if deadline.poll_passed(cx, core.clock(), core.timer(), deadline_ns) {
                for share in self.shares.iter_mut().filter(|share| !share.is_done) {
                    share.commands.failure = Some(late(self.timeout_ns));
                }
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    /// Nodes, their connections and what became of their commands.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = (usize, Box<Wire>, Commands)> {
        self.shares.into_iter().map(|share| (share.node, share.wire, share.commands))
    }
}
