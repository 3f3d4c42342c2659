//! What every engine needs to reach a server: who may be connected to, where names lead, what may be shown.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use stresshost_clock::Clock;
use stresshost_metrics::ErrorKind;

use crate::origin::{EgressRule, Origin};
use crate::resolve::Resolver;

/// The way to the servers of a run. Cheap to clone; clones share what was looked up.
#[derive(Clone)]
pub(crate) struct Network {
    egress: Arc<EgressRule>,
    resolver: Arc<Resolver>,
}

/// Why there is no way to a server.
#[derive(Debug)]
pub(crate) struct NoWay {
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
}

impl Network {
    pub(crate) fn new(egress: Arc<EgressRule>, resolver: Resolver) -> Self {
        Self { egress, resolver: Arc::new(resolver) }
    }

    pub(crate) fn allows(&self, origin: &Origin, address: Option<IpAddr>) -> bool {
        (self.egress)(origin, address)
    }

    /// Asks the egress rule by name.
    pub(crate) fn check(&self, origin: &Origin) -> Result<(), NoWay> {
        if self.allows(origin, None) {
            return Ok(());
        }
        let text = format!("{origin} is not among the granted targets; `--allow {origin}` grants it");
        Err(NoWay { kind: ErrorKind::Denied, text })
    }

    /// The permitted addresses, in the order to try them.
    pub(crate) async fn addresses(&self, origin: &Origin, clock: Clock) -> Result<Vec<SocketAddr>, NoWay> {
        let (host, port) = (&origin.host, origin.port);
        let mut addresses = self.resolver.resolve(host, port, clock).await.map_err(|text| NoWay {
            kind: ErrorKind::Lookup,
            text: format!("cannot look up `{host}`: {text}; check the name or add a resolve rule"),
        })?;
        let first = addresses.first().copied();
        addresses.retain(|address| self.allows(origin, Some(address.ip())));
        if let (true, Some(address)) = (addresses.is_empty(), first) {
            let text = format!(
                "{origin} is {}, where its grant does not lead: a wildcard leads to no private address, and no name to a \
                 link-local one; `--allow {origin}` names the host itself",
                address.ip()
            );
            return Err(NoWay { kind: ErrorKind::Denied, text });
        }
        Ok(addresses)
    }
}
