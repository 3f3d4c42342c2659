//! What all cores of a run share.

use std::fmt;
use std::sync::Arc;

use super::config::{HttpConfig, HttpVersion};
use super::tls::Tls;
use crate::network::Network;
use crate::origin::{EgressRule, Origin};
use crate::resolve::Resolver;

/// The engine cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpSetupError {
    /// A CA file holds no readable certificate.
    #[error("cannot read the CA certificates: {0}; give PEM files with `-----BEGIN CERTIFICATE-----`")]
    Ca(String),
    /// The client's own certificate or its key cannot be used.
    #[error("cannot use the client's certificate: {0}")]
    ClientCertificate(String),
    /// The name to expect in certificates is not a name.
    #[error("`{0}` is not a server name that a certificate can hold")]
    ServerName(String),
    /// There is nothing to verify certificates with.
    #[error("no trusted root certificates on this system{0}; give a CA file or accept any certificate")]
    NoRoots(String),
    /// TLS refused its settings.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

/// One run's part of the engine: settings, TLS, resolved names, the egress rule. Cheap to clone.
#[derive(Clone)]
pub struct HttpShared {
    inner: Arc<Inner>,
}

struct Inner {
    config: HttpConfig,
    network: Network,
    tls: Tls,
}

impl HttpShared {
    /// Sets up the engine of a run.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn new(config: HttpConfig, egress: Arc<EgressRule>) -> Result<Self, HttpSetupError> {
        let tls = Tls::new(&config.tls)?;
        let network = Network::new(egress, Resolver::new(&config.resolve));
        Ok(Self { inner: Arc::new(Inner { config, network, tls }) })
    }

    /// The run's settings.
    pub fn config(&self) -> &HttpConfig {
        &self.inner.config
    }

    pub(crate) fn network(&self) -> &Network {
        &self.inner.network
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.inner.tls
    }

    /// Loads what `origin` needs before it is first connected to, so that no request pays for it.
    pub(crate) fn warm_up(&self, origin: &Origin, version: HttpVersion) -> Result<(), HttpSetupError> {
        if origin.is_tls() { self.inner.tls.connector(Some(version)).map(|_| ()) } else { Ok(()) }
    }
}

impl fmt::Debug for HttpShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpShared").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
