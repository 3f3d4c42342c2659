//! CPU cost of one keep-alive HTTP/1.1 GET: this crate's engine against hyper's client, in one process on one core.
//!
//! ```text
//! cargo build --release -p stresshost-io --example http1_cost
//! taskset -c 0 target/release/examples/http1_cost [CONNECTIONS [REQUESTS_PER_ROUND [ROUNDS]]]
//! ```
//!
//! It starts a private nginx on core 1, then alternates rounds of both clients and prints the CPU time (user and
//! system) of this process per request: each round, and the median. Rounds alternate because other load on the machine
//! drifts; only their ratio is worth keeping.
//!
//! With 0 rounds it runs the own client once and nothing else, for counting instructions: those of two runs, divided
//! by the requests one has more, are those of one request.
//!
//! ```text
//! valgrind --tool=callgrind target/release/examples/http1_cost 1 2000 0
//! ```

#![expect(clippy::print_stdout, reason = "this program prints its measurements")]

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustix::time::{ClockId, clock_gettime};
use stresshost_clock::{Clock, Timer};
use stresshost_io::http::{HttpConfig, HttpCore, HttpSession, HttpShared, RequestSpec};
use tokio::net::TcpStream;

#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Setup(#[from] stresshost_io::http::HttpSetupError),
    #[error(transparent)]
    Prepare(#[from] stresshost_io::http::PrepareError),
    #[error(transparent)]
    Hyper(#[from] hyper::Error),
    #[error(transparent)]
    Http(#[from] hyper::http::Error),
    #[error(transparent)]
    Join(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Timer(#[from] stresshost_clock::TimerError),
    #[error("a request failed: {0}")]
    Request(String),
}

fn main() -> Result<(), BenchError> {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let mut next = |default: usize| numbers.next().and_then(Result::ok).unwrap_or(default);
    let (connections, requests, rounds) = (next(50), next(100_000), next(7));
    let server = Nginx::start()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default())?;
    let each = requests / connections.max(1);
    if rounds == 0 {
        println!("{} bytes a session", size_of::<HttpSession>());
        return runtime.block_on(run_own(server.address, connections, each));
    }
    let (mut own, mut hyper) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let own_us =
            runtime.block_on(measure(connections * each, run_own(server.address, connections, each)))?;
        let hyper_us =
            runtime.block_on(measure(connections * each, run_hyper(server.address, connections, each)))?;
        // The first round warms caches and branch predictors.
        if round > 0 {
            println!("round {round}: own {own_us:.2} us/request, hyper {hyper_us:.2}");
            own.push(own_us);
            hyper.push(hyper_us);
        }
    }
    let (own_us, hyper_us) = (median(&mut own), median(&mut hyper));
    println!(
        "{connections} connections, median of {rounds}: own {own_us:.2} us/request, hyper {hyper_us:.2}, ratio {:.2}",
        own_us / hyper_us
    );
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds =
        std::time::Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default());
    seconds.as_secs_f64() * 1e6
}

/// CPU microseconds of this process per request of `work`.
async fn measure(
    requests: usize,
    work: impl Future<Output = Result<(), BenchError>>,
) -> Result<f64, BenchError> {
    let before = cpu_us();
    work.await?;
    Ok((cpu_us() - before) / requests as f64)
}

async fn run_own(address: SocketAddr, connections: usize, each: usize) -> Result<(), BenchError> {
    let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, _| true))?;
    let clock = Clock::start();
    let (timer, driver) = Timer::new(clock)?;
    let driver = tokio::task::spawn_local(driver);
    let core = HttpCore::with_timer(shared, clock, timer);
    let url = format!("http://{address}/");
    let spec = RequestSpec { method: "GET", url: &url, headers: &[], body: None, slots: &[], options: &[] };
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (request, core) = (core.prepare(&spec)?, core.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut session = HttpSession::new(core);
            for _ in 0..each {
                let outcome = session.fire(&request, &[]).await;
                if outcome.status != 200 || outcome.body_bytes != 12 {
                    return Err(BenchError::Request(format!("{outcome:?}")));
                }
            }
            Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    driver.abort();
    Ok(())
}

async fn run_hyper(address: SocketAddr, connections: usize, each: usize) -> Result<(), BenchError> {
    let clock = Clock::start();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        tasks.push(tokio::spawn(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let driver = tokio::spawn(connection);
            let mut latency_ns = 0;
            for _ in 0..each {
                let fired_ns = clock.now_ns();
                let request = hyper::Request::builder()
                    .uri("/")
                    .header("Host", "127.0.0.1")
                    .header("User-Agent", "stresshost")
                    .header("Accept", "*/*")
                    .body(Empty::<Bytes>::new())?;
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let first_ns = clock.now_ns();
                let status = response.status().as_u16();
                let body = response.into_body().collect().await?.to_bytes();
                latency_ns += clock.now_ns() - fired_ns.min(first_ns);
                if status != 200 || body.len() != 12 {
                    return Err(BenchError::Request(format!("status {status}, {} bytes", body.len())));
                }
            }
            drop(sender);
            driver.abort();
            Ok(std::hint::black_box(latency_ns))
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// A private nginx in a temporary folder, stopped and removed on drop.
struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start() -> Result<Self, BenchError> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = folder.path().join("nginx.conf");
        fs::write(&config, nginx_config(folder.path(), address))?;
        let mut child = Command::new("taskset")
            .args(["-c", "1", "nginx", "-e", "stderr", "-g", "daemon off;", "-c"])
            .arg(&config)
            .stdout(Stdio::null())
            .spawn()?;
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(BenchError::Request(format!("nginx ended: {status}")));
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Ok(Self { child, address, _folder: folder })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A master that gets SIGTERM stops its workers; SIGKILL would orphan them.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap_or_default();
        }
        self.child.wait().map(drop).unwrap_or_default();
    }
}

fn nginx_config(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "worker_processes 1; pid {folder}/nginx.pid; events {{ worker_connections 20000; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n\
         client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;\n\
         uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;\n\
         server {{ listen {address} backlog=8192; location / {{ return 200 \"hello world\\n\"; }} }} }}\n"
    )
}
