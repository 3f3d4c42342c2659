//! Makes connections: TCP, TLS, who one is; and one that ends what another is doing.
//!
//! <https://www.postgresql.org/docs/current/protocol-flow.html>

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::backend::Message as Parsed;
use postgres_protocol::message::frontend;
use rustls_pki_types::ServerName;
use stresshost_metrics::{ErrorKind, Phases};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connection::{Connection, failure, parsed};
use super::malformed;
use super::wire::{Message, Wire};
use crate::dial;
use crate::failure::{alert_hint, chain};
use crate::sql::core::SqlCore;
use crate::sql::error::SqlError;
use crate::sql::target::{Target, TlsMode};
use crate::stream::Stream;

/// How one shows that one knows the password, where the server offers several ways.
const MECHANISM: &str = "SCRAM-SHA-256";

/// How to end what a session is doing.
#[derive(Clone)]
pub(crate) struct CancelKey {
    address: SocketAddr,
    /// When the session is encrypted, so is this.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    process: i32,
    secret: i32,
}

impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelKey").field("process", &self.process).finish_non_exhaustive()
    }
}

/// Connects, and logs in. `phases` says where the time went, also when it fails.
pub(crate) async fn connect(
    core: &SqlCore,
    target: &Target,
    address: SocketAddr,
    phases: &mut Phases,
) -> Result<(Connection, CancelKey), SqlError> {
    let clock = core.clock();
    let start_ns = clock.now_ns();
    let stream =
        dial::connect(address).await.map_err(|error| SqlError::not_connected(&error, &address.to_string()));
    let connected_ns = clock.now_ns();
    phases.connect_ns += connected_ns.saturating_sub(start_ns);
    let (stream, tls) = secured(core, target, stream?).await?;
    let secured_ns = clock.now_ns();
    phases.tls_ns += secured_ns.saturating_sub(connected_ns);
    let mut login = Login { wire: Wire::new(stream, core.http().clone()), target };
    let key = login.run().await;
    phases.wait_ns += clock.now_ns().saturating_sub(secured_ns);
    let (process, secret) = key?;
    Ok((Connection::new(login.wire), CancelKey { address, tls, process, secret }))
}

/// A stream as encrypted as the target wants it, and by what.
async fn secured(
    core: &SqlCore,
    target: &Target,
    mut stream: TcpStream,
) -> Result<(Stream, Option<(TlsConnector, ServerName<'static>)>), SqlError> {
    let settings = core.http().inner().shared.tls();
    let connector = match target.tls {
        TlsMode::Disable => return Ok((Stream::Tcp(stream), None)),
        TlsMode::Prefer | TlsMode::Require => settings.unverified(),
        TlsMode::VerifyFull => settings.connector(None),
    };
    let refused = |text: String| SqlError::fatal(ErrorKind::Tls, text);
    let connector = connector.map_err(|error| refused(error.to_string()))?.clone();
    if !asks_for_tls(&mut stream).await? {
        return match target.tls {
            TlsMode::Prefer => Ok((Stream::Tcp(stream), None)),
            _ => Err(refused(format!("{} does not offer TLS", target.origin))),
        };
    }
    let host = &target.origin.host;
    let name = settings.name_for(host);
    let name = name.ok_or_else(|| refused(format!("`{host}` cannot be in a certificate")))?;
    let encrypted = connector.connect(name.clone(), stream).await;
    let encrypted = encrypted.map_err(|error| {
        let (why, hint) = (chain(&error), alert_hint(&error));
        refused(format!("TLS handshake with {}: {why}{hint}", target.origin))
    })?;
    Ok((Stream::Tls(Box::new(encrypted)), Some((connector, name))))
}

/// Asks whether the server speaks TLS. Its answer is one byte, behind which nothing is read that TLS has to protect.
async fn asks_for_tls(stream: &mut TcpStream) -> Result<bool, SqlError> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    let mut answer = [0];
    let lost = |error: io::Error| SqlError::lost(&error);
    stream.write_all(&request).await.map_err(lost)?;
    stream.read_exact(&mut answer).await.map_err(lost)?;
    match answer {
        [b'S'] => Ok(true),
        [b'N'] => Ok(false),
        _ => Err(malformed("the server answers the request for TLS with neither yes nor no")),
    }
}

/// A connection that is not logged in yet.
struct Login<'a> {
    wire: Wire,
    target: &'a Target,
}

impl Login<'_> {
    /// Logs in; the session's process and the secret to cancel it with.
    async fn run(&mut self) -> Result<(i32, i32), SqlError> {
        let bytes = self.startup().map_err(malformed)?;
        let mut answer = self.ask(&bytes).await?;
        let mut scram = None;
        loop {
            let reply = match answer {
                Parsed::AuthenticationOk => break,
                Parsed::AuthenticationCleartextPassword => password_message(self.password()?.as_bytes()),
                Parsed::AuthenticationMd5Password(body) => {
                    let user = self.target.user.as_bytes();
                    password_message(md5_hash(user, self.password()?.as_bytes(), body.salt()).as_bytes())
                }
                Parsed::AuthenticationSasl(body) => {
                    if !body.mechanisms().any(|name| Ok(name == MECHANISM)).map_err(malformed)? {
                        return Err(unsupported("SASL without SCRAM-SHA-256"));
                    }
                    let binding = sasl::ChannelBinding::unsupported();
                    let begun = sasl::ScramSha256::new(self.password()?.as_bytes(), binding);
                    let begun = scram.insert(begun);
                    let mut out = BytesMut::new();
                    frontend::sasl_initial_response(MECHANISM, begun.message(), &mut out).map(|()| out)
                }
                Parsed::AuthenticationSaslContinue(body) => {
                    let scram: &mut sasl::ScramSha256 = scram.as_mut().ok_or_else(out_of_order)?;
                    scram.update(body.data()).map_err(malformed)?;
                    let mut out = BytesMut::new();
                    frontend::sasl_response(scram.message(), &mut out).map(|()| out)
                }
                Parsed::AuthenticationSaslFinal(body) => {
                    let scram: &mut sasl::ScramSha256 = scram.as_mut().ok_or_else(out_of_order)?;
                    scram.finish(body.data()).map_err(malformed)?;
                    Ok(BytesMut::new())
                }
                Parsed::AuthenticationGss | Parsed::AuthenticationKerberosV5 => {
                    return Err(unsupported("Kerberos"));
                }
                Parsed::AuthenticationSspi => return Err(unsupported("SSPI")),
                _ => return Err(out_of_order()),
            };
            answer = self.ask(&reply.map_err(malformed)?).await?;
        }
        self.await_ready().await
    }

    /// The first message. Settings of the session stand in it and are not set later: a proxy that shares its connections
    /// with others would keep them.
    fn startup(&self) -> io::Result<BytesMut> {
        let target = self.target;
        let mut options =
            format!("-c statement_timeout={} -c extra_float_digits=3", target.statement_timeout_ms);
        if target.read_only {
            options.push_str(" -c default_transaction_read_only=on");
        }
        let parameters = [
            ("user", target.user.as_str()),
            ("database", target.database.as_deref().unwrap_or(&target.user)),
            ("application_name", &target.application_name),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
            ("options", &options),
        ];
        let mut out = BytesMut::new();
        frontend::startup_message(parameters, &mut out).map(|()| out)
    }

    fn password(&self) -> Result<&str, SqlError> {
        let text = "the server asks for a password: write `user:password@` before the host";
        self.target.password.as_deref().ok_or_else(|| SqlError::fatal(ErrorKind::Permission, text))
    }

    /// Sends a message; the next that is more than news.
    async fn ask(&mut self, bytes: &[u8]) -> Result<Parsed, SqlError> {
        let mut answer = None;
        self.wire
            .exchange(bytes, 0, |message| {
                answer = match message.tag {
                    b'N' | b'S' => return Ok(ControlFlow::Continue(())),
                    b'E' => return Err(refusal(message)),
                    _ => Some(parsed(message)?),
                };
                Ok(ControlFlow::Break(()))
            })
            .await?;
        answer.ok_or_else(out_of_order)
    }

    /// Reads what the server says before it is ready for statements.
    async fn await_ready(&mut self) -> Result<(i32, i32), SqlError> {
        let mut key = (0, 0);
        self.wire
            .exchange(&[], 0, |message| {
                match message.tag {
                    b'Z' => return Ok(ControlFlow::Break(())),
                    b'E' => return Err(refusal(message)),
                    b'K' => {
                        if let Parsed::BackendKeyData(body) = parsed(message)? {
                            key = (body.process_id(), body.secret_key());
                        }
                    }
                    _ => {}
                }
                Ok(ControlFlow::Continue(()))
            })
            .await?;
        Ok(key)
    }
}

fn password_message(password: &[u8]) -> io::Result<BytesMut> {
    let mut out = BytesMut::new();
    frontend::password_message(password, &mut out).map(|()| out)
}

/// A failure after which there is no session, whatever the server calls it.
fn refusal(message: Message<'_>) -> SqlError {
    let error = failure(message).unwrap_or_else(|error| error);
    SqlError { is_fatal: true, ..error }
}

fn out_of_order() -> SqlError {
    malformed("the server says something else than the log-in wants")
}

fn unsupported(what: &str) -> SqlError {
    let text = format!("the server wants to be logged in to by {what}, which is not supported");
    SqlError::fatal(ErrorKind::Permission, text)
}

/// Has the server end what a session is doing. It answers by closing the connection.
pub(crate) async fn cancel(key: &CancelKey) -> io::Result<()> {
    let mut stream = dial::connect(key.address).await?;
    let mut request = BytesMut::new();
    frontend::cancel_request(key.process, key.secret, &mut request);
    let Some((connector, name)) = &key.tls else { return last_words(&mut stream, &request).await };
    if !asks_for_tls(&mut stream).await.map_err(|error| io::Error::other(error.to_string()))? {
        return Err(io::Error::other("the server has stopped offering TLS"));
    }
    last_words(&mut connector.connect(name.clone(), stream).await?, &request).await
}

async fn last_words(
    stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
    bytes: &[u8],
) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    // Servers end encrypted connections without a goodbye, too.
    match stream.read(&mut [0]).await {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(()),
    }
}
