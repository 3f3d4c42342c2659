//! TLS settings of a run.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::config::{ClientCertificate, HttpVersion, TlsConfig};
use super::shared::HttpSetupError;

/// TLS sessions kept for resumption: one per server name, so this many hosts resume.
const MAX_RESUMED_SERVERS: usize = 256;

/// TLS of one run. System roots are read when the first `https` request is prepared, not before.
pub(crate) struct Tls {
    insecure: bool,
    extra_roots: Vec<CertificateDer<'static>>,
    server_name: Option<ServerName<'static>>,
    client: Option<Arc<dyn ResolvesClientCert>>,
    connectors: OnceLock<Result<Connectors, HttpSetupError>>,
    unverified: OnceLock<Result<TlsConnector, HttpSetupError>>,
}

struct Connectors {
    auto: TlsConnector,
    http1: TlsConnector,
    http2: TlsConnector,
    /// For protocols that TLS does not negotiate.
    other: TlsConnector,
}

impl Tls {
    pub(crate) fn new(config: &TlsConfig) -> Result<Self, HttpSetupError> {
        let mut extra_roots = Vec::new();
        for (index, pem) in config.ca_pem.iter().enumerate() {
            let before = extra_roots.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate =
                    certificate.map_err(|e| HttpSetupError::Ca(format!("file {}: {e}", index + 1)))?;
                extra_roots.push(certificate);
            }
            if extra_roots.len() == before {
                return Err(HttpSetupError::Ca(format!("file {} holds none", index + 1)));
            }
        }
        let server_name = match &config.server_name {
            Some(name) => Some(server_name(name).ok_or_else(|| HttpSetupError::ServerName(name.clone()))?),
            None => None,
        };
        let client = config.client.as_ref().map(own).transpose()?;
        let (connectors, unverified) = Default::default();
        Ok(Self { insecure: config.insecure, extra_roots, server_name, client, connectors, unverified })
    }

    /// The name to expect for a host; `None` when the host cannot be in a certificate.
    pub(crate) fn name_for(&self, host: &str) -> Option<ServerName<'static>> {
        self.server_name.clone().or_else(|| server_name(host))
    }

    /// The connector of an HTTP version, or of another protocol.
    pub(crate) fn connector(&self, version: Option<HttpVersion>) -> Result<&TlsConnector, HttpSetupError> {
        match self.connectors.get_or_init(|| self.build()) {
            Err(error) => Err(error.clone()),
            Ok(connectors) => Ok(match version {
                Some(HttpVersion::Auto) => &connectors.auto,
                Some(HttpVersion::Http1) => &connectors.http1,
                Some(HttpVersion::Http2) => &connectors.http2,
                None => &connectors.other,
            }),
        }
    }

    /// The connector of protocols that encrypt without asking who the server is.
    pub(crate) fn unverified(&self) -> Result<&TlsConnector, HttpSetupError> {
        let accept_any = || Arc::new(AcceptAny(provider()));
        let build = || self.config(accept_any()).map(|config| TlsConnector::from(Arc::new(config)));
        self.unverified.get_or_init(build).as_ref().map_err(Clone::clone)
    }

    fn build(&self) -> Result<Connectors, HttpSetupError> {
        let verifier: Arc<dyn ServerCertVerifier> = if self.insecure {
            Arc::new(AcceptAny(provider()))
        } else {
            WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider())
                .build()
                .map_err(|e| failed(&e))?
        };
        let base = self.config(verifier)?;
        let with = |protocols: &[&[u8]]| {
            let mut config = base.clone();
            config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
            config.resumption = Resumption::in_memory_sessions(MAX_RESUMED_SERVERS);
            TlsConnector::from(Arc::new(config))
        };
        Ok(Connectors {
            auto: with(&[b"h2", b"http/1.1"]),
            http1: with(&[b"http/1.1"]),
            http2: with(&[b"h2"]),
            other: with(&[]),
        })
    }

    fn config(&self, verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, HttpSetupError> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(&e))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        Ok(match &self.client {
            Some(client) => config.with_client_cert_resolver(Arc::clone(client)),
            None => config.with_no_client_auth(),
        })
    }

    fn roots(&self) -> Result<RootCertStore, HttpSetupError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        // A system's store may hold certificates that webpki does not read; the others still count.
        roots.add_parsable_certificates(native.certs);
        for certificate in &self.extra_roots {
            roots.add(certificate.clone()).map_err(|e| HttpSetupError::Ca(e.to_string()))?;
        }
        if roots.is_empty() {
            let why = native.errors.first().map(|e| format!(" ({e})")).unwrap_or_default();
            return Err(HttpSetupError::NoRoots(why));
        }
        Ok(roots)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn failed(error: &dyn std::fmt::Display) -> HttpSetupError {
    HttpSetupError::Tls(error.to_string())
}

/// Reads what is shown to servers that ask who the client is.
fn own(client: &ClientCertificate) -> Result<Arc<dyn ResolvesClientCert>, HttpSetupError> {
    let failed = |text: String| HttpSetupError::ClientCertificate(text);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&client.chain_pem).collect();
    let chain = chain.map_err(|e| failed(format!("it cannot be read: {e}")))?;
    if chain.is_empty() {
        return Err(failed("there is none in its file".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&client.key_pem);
    let key = key.map_err(|e| failed(format!("its key cannot be read: {e}")))?;
    let pair = CertifiedKey::from_der(chain, key, &provider()).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => failed("it does not belong to the key".to_owned()),
        other => failed(other.to_string()),
    })?;
    Ok(Arc::new(SingleCertAndKey::from(pair)))
}

fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).ok()
}

/// Accepts any certificate, as the user asked; signatures are still checked, so the peer owns what it shows.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_named() {
        let ca = |pem: &[u8]| TlsConfig { ca_pem: vec![pem.to_vec()], ..TlsConfig::default() };
        assert!(
            matches!(Tls::new(&ca(b"nothing")), Err(HttpSetupError::Ca(text)) if text.contains("file 1"))
        );
        let broken = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(Tls::new(&ca(broken)), Err(HttpSetupError::Ca(_))));
        let name = TlsConfig { server_name: Some("a b".into()), ..TlsConfig::default() };
        assert!(matches!(Tls::new(&name), Err(HttpSetupError::ServerName(_))));
    }

    #[test]
    fn a_clients_certificate_needs_its_own_key() {
        let made = || rcgen::generate_simple_self_signed(vec!["client.test".to_owned()]).unwrap();
        let (one, other) = (made(), made());
        let read = |chain: &str, key: &str| {
            let (chain_pem, key_pem) = (chain.as_bytes().to_vec(), key.as_bytes().to_vec());
            let client = Some(ClientCertificate { chain_pem, key_pem });
            Tls::new(&TlsConfig { client, ..TlsConfig::default() }).map(|_| ()).map_err(|e| e.to_string())
        };
        let (cert, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert_eq!(read(&cert, &key), Ok(()));
        // One file may hold both.
        let both = format!("{key}{cert}");
        assert_eq!(read(&both, &both), Ok(()));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (chain, key, why) in [
            (&*cert, &*other.signing_key.serialize_pem(), "does not belong to the key"),
            (&cert, &cert, "its key cannot be read"),
            (&key, &key, "there is none"),
            (broken, &key, "client's certificate"),
        ] {
            let error = read(chain, key).unwrap_err();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("PRIVATE"), "{error}");
        }
    }
}
