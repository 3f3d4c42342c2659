//! The server: listening, connections, stopping.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::config::{ShopConfig, ShopError};
use crate::counts::Counts;
use crate::faults::{Faults, FieldProblem};
use crate::limits::{MAX_CONNECTIONS, STOP_GRACE_S};
use crate::routes;
use crate::state::Core;
use crate::weakness::Weaknesses;

/// Pause after a failed accept, which mostly means that descriptors ran out: retrying at once would spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);

/// The controls of a running shop; clone them freely. They outlive it harmlessly.
#[derive(Clone)]
pub struct ShopHandle {
    core: Arc<Core>,
    addr: SocketAddr,
}

impl ShopHandle {
    /// The address the shop listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Exact counts of what the shop has seen so far. A client that has read a response finds it counted.
    pub fn counts(&self) -> Counts {
        self.core.counters.snapshot()
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        self.core.faults.faults()
    }

    /// Replaces the faults for requests that arrive from now on, and counts those from 1.
    ///
    /// # Errors
    /// The first field that is out of range; the faults in force stay.
    pub fn set_faults(&self, faults: Faults) -> Result<(), FieldProblem> {
        faults.validate()?;
        self.core.faults.set(faults);
        Ok(())
    }

    /// The weaknesses in force.
    pub fn weaknesses(&self) -> Weaknesses {
        self.core.weaknesses.get()
    }

    /// Replaces the weaknesses from now on. What was stored while others were in force stays.
    pub fn set_weaknesses(&self, weaknesses: impl Into<Weaknesses>) {
        self.core.weaknesses.set(weaknesses.into());
    }

    /// Makes all requests, those under way included, wait until `duration` from now.
    pub fn stall(&self, duration: Duration) {
        self.core.faults.stall(duration);
    }
}

/// A shop on the current tokio runtime. Dropping it cuts its connections; [`Shop::stop`] lets them finish.
pub struct Shop {
    handle: ShopHandle,
    stop: watch::Sender<bool>,
    /// Owns the server task: dropping the set ends it, and with it every connection.
    server: JoinSet<()>,
    unix_socket: Option<PathBuf>,
}

impl Deref for Shop {
    type Target = ShopHandle;

    fn deref(&self) -> &ShopHandle {
        &self.handle
    }
}

impl Shop {
    /// Generates the data, listens and serves on the current runtime, whose I/O and time drivers must be enabled.
    ///
    /// # Errors
    /// When the configuration is out of range, or the address or socket cannot be listened on.
    pub async fn start(config: ShopConfig) -> Result<Self, ShopError> {
        config.validate()?;
        let bind_error = |source| ShopError::Bind { addr: config.addr, source };
        let tcp = TcpListener::bind(config.addr).await.map_err(bind_error)?;
        let addr = tcp.local_addr().map_err(bind_error)?;
        let unix = Unix::bind(&config)?;
        let core = Arc::new(Core::new(&config, routes::counters())?);
        let (stop, stopping) = watch::channel(false);
        let mut server = JoinSet::new();
        server.spawn(serve(tcp, unix, Arc::clone(&core), stopping));
        Ok(Self { handle: ShopHandle { core, addr }, stop, server, unix_socket: config.unix_socket })
    }

    /// A handle that can be kept while the shop is stopped.
    pub fn handle(&self) -> ShopHandle {
        self.handle.clone()
    }

    /// Stops accepting, lets responses under way finish for up to [`STOP_GRACE_S`] seconds, and cuts off the rest.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.server.join_next().await.is_some() {}
    }

    /// Generates and serves a shop on a thread and runtime of its own.
    ///
    /// # Errors
    /// As [`Shop::start`], or when the thread cannot be started.
    pub fn start_in_thread(config: ShopConfig) -> Result<ShopThread, ShopError> {
        let (started, starting) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let body = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(ShopError::Thread(error)))),
            };
            runtime.block_on(run(config, started, stopped));
            // A statement of SQLite that sleeps must not hold the stop up.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("shop".to_owned()).spawn(body);
        let thread = thread.map_err(ShopError::Thread)?;
        let ended = || ShopError::Thread(std::io::Error::other("the thread ended before the shop was ready"));
        let handle = starting.recv().map_err(|_| ended())??;
        Ok(ShopThread { handle, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(path) = self.unix_socket.take() {
            // Somebody may have removed it already; then there is nothing left to do.
            drop(std::fs::remove_file(path));
        }
    }
}

/// The life of a shop on its own thread.
async fn run(
    config: ShopConfig,
    started: mpsc::SyncSender<Result<ShopHandle, ShopError>>,
    stopped: oneshot::Receiver<()>,
) {
    match Shop::start(config).await {
        Ok(shop) => {
            if started.send(Ok(shop.handle())).is_ok() && stopped.await.is_ok() {
                shop.stop().await;
            }
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

/// A shop on its own thread. Dropping it cuts its connections; [`ShopThread::stop`] lets them finish.
pub struct ShopThread {
    handle: ShopHandle,
    /// A message asks for a graceful stop; dropping the sender asks for an immediate one.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Deref for ShopThread {
    type Target = ShopHandle;

    fn deref(&self) -> &ShopHandle {
        &self.handle
    }
}

impl ShopThread {
    /// A handle that can be kept while the shop is stopped.
    pub fn handle(&self) -> ShopHandle {
        self.handle.clone()
    }

    /// Stops as [`Shop::stop`] does, and blocks until the thread has ended.
    pub fn stop(mut self) {
        // A thread that has ended already needs no message.
        let _delivered = self.stop.take().is_some_and(|stop| stop.send(()).is_ok());
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the shop has been reported by its own thread.
            drop(thread.join());
        }
    }
}

impl Drop for ShopThread {
    fn drop(&mut self) {
        self.stop = None;
        self.join();
    }
}

/// The Unix socket, where one is asked for and the system has them.
struct Unix {
    #[cfg(unix)]
    listener: Option<UnixListener>,
}

#[cfg(unix)]
impl Unix {
    fn bind(config: &ShopConfig) -> Result<Self, ShopError> {
        let bind = |path: &PathBuf| {
            UnixListener::bind(path).map_err(|source| ShopError::Unix { path: path.clone(), source })
        };
        Ok(Self { listener: config.unix_socket.as_ref().map(bind).transpose()? })
    }

    async fn accept(&self) -> std::io::Result<tokio::net::UnixStream> {
        match &self.listener {
            Some(listener) => listener.accept().await.map(|(stream, _)| stream),
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
impl Unix {
    fn bind(config: &ShopConfig) -> Result<Self, ShopError> {
        match config.unix_socket.clone() {
            Some(path) => Err(ShopError::Unix { path, source: std::io::ErrorKind::Unsupported.into() }),
            None => Ok(Self {}),
        }
    }

    async fn accept(&self) -> std::io::Result<tokio::net::TcpStream> {
        std::future::pending().await
    }
}

/// Accepts until told to stop, then waits for the connections.
async fn serve(tcp: TcpListener, unix: Unix, core: Arc<Core>, mut stopping: watch::Receiver<bool>) {
    let router = routes::router(&core);
    let for_connections = stopping.clone();
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < MAX_CONNECTIONS;
        let failed = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => false,
            accepted = tcp.accept(), if room => match accepted {
                Ok((stream, _)) => {
                    core.counters.connection();
                    // Without it a reply in two writes waits for the client's delayed acknowledgement. It fails
                    // only on a connection that is already gone, which `converse` will notice.
                    drop(stream.set_nodelay(true));
                    connections.spawn(converse(stream, router.clone(), for_connections.clone()));
                    false
                }
                Err(_) => true,
            },
            accepted = unix.accept(), if room => match accepted {
                Ok(stream) => {
                    core.counters.connection();
                    connections.spawn(converse(stream, router.clone(), for_connections.clone()));
                    false
                }
                Err(_) => true,
            },
        };
        if failed {
            tokio::time::sleep(ACCEPT_RETRY).await;
        }
    }
    drop((tcp, unix));
    let drained = async { while connections.join_next().await.is_some() {} };
    // Past the grace the set is dropped, and with it the connections that are left.
    drop(tokio::time::timeout(Duration::from_secs(STOP_GRACE_S), drained).await);
}

/// Serves one connection, HTTP/1 or HTTP/2, until it ends or the shop stops.
async fn converse<S>(stream: S, router: Router, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // How a connection ended is the client's concern: a reset is part of every load test.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}
