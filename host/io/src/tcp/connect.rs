//! Makes connections.

use std::sync::Arc;

use super::core::TcpCore;
use super::outcome::Outcome;
use super::target::Target;
use super::wire::Wire;
use crate::dial::Dial;
use crate::stream::Stream;

/// Connects to a target, with TLS where it wants that.
pub(crate) async fn connect(core: &TcpCore, target: &Target) -> (Outcome, Option<Wire>) {
    let dial = Dial {
        shared: core.shared().clone(),
        clock: core.clock(),
        origin: Arc::clone(&target.origin),
        timeout_ns: target.connect_timeout_ns,
    };
    let mut outcome = Outcome { fired_ns: core.clock().now_ns(), ..Outcome::default() };
    let phases = &mut outcome.phases;
    let attempt = async {
        if target.is_tls {
            let name = target.server_name.as_deref();
            return dial.encrypted(None, name, phases).await.map(Stream::Tls);
        }
        dial.plain(phases).await
    };
    let result = dial.within_limit(attempt).await;
    outcome.done_ns = core.clock().now_ns();
    match result {
        Ok(stream) => (outcome, Some(Wire::new(stream))),
        Err(failure) => {
            outcome.fail(failure);
            (outcome, None)
        }
    }
}
