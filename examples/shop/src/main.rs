//! `shop`: the shop as a program.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use stresshost_shop::{Faults, Latency, Shop, ShopConfig, ShopError, Weaknesses};

/// A small e-commerce platform to put under load, which can be broken on purpose.
///
/// Prints its address when it is ready and stops on SIGINT or SIGTERM. PUT /_faults changes the faults while it runs.
#[derive(Parser)]
#[command(name = "shop", version)]
struct Arguments {
    /// Address to listen on.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Unix socket to listen on as well.
    #[arg(long, value_name = "PATH")]
    unix_socket: Option<PathBuf>,
    /// Decides every product, token and fault.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Products to generate.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    products: usize,
    /// Users user1.. with the passwords password1..
    #[arg(long, value_name = "N", default_value_t = 1000)]
    users: u64,
    /// Seconds until a token expires.
    #[arg(long, value_name = "S", default_value_t = 3600)]
    token_ttl: u32,
    /// Weakness to switch on, or all; may be given several times. The README lists them.
    #[arg(long = "weakness", value_name = "NAME")]
    weaknesses: Vec<Weaknesses>,
    #[command(flatten)]
    faults: FaultArguments,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Faults")]
struct FaultArguments {
    /// constant:MS, uniform:MIN..MAX, normal:MEAN,SD or lognormal:MEDIAN,SIGMA.
    #[arg(long, value_name = "DISTRIBUTION", default_value = "none")]
    latency: Latency,
    /// Share of requests, 0 to 1, that wait --slow-ms instead.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "slow_ms")]
    slow_ratio: f64,
    /// Milliseconds a slow request waits.
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    slow_ms: f64,
    /// Share of requests, 0 to 1, answered 500 or 503.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    error_rate: f64,
    /// Stall all requests once, for MS milliseconds, when the N-th arrives.
    #[arg(long, value_name = "N:MS", value_parser = stall)]
    stall: Option<(u64, f64)>,
    /// Requests per second; the excess is answered 429.
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
    /// Share of responses, 0 to 1, that close their connection.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    close_rate: f64,
}

fn stall(text: &str) -> Result<(u64, f64), String> {
    let parsed = text.split_once(':').and_then(|(n, ms)| Some((n.parse().ok()?, ms.parse().ok()?)));
    parsed.ok_or_else(|| "must be N:MS, such as 1000:500 for half a second at the 1000th request".to_owned())
}

impl From<Arguments> for ShopConfig {
    fn from(arguments: Arguments) -> Self {
        let faults = arguments.faults;
        Self {
            addr: SocketAddr::new(arguments.host, arguments.port),
            unix_socket: arguments.unix_socket,
            seed: arguments.seed,
            products: arguments.products,
            users: arguments.users,
            token_ttl_s: arguments.token_ttl,
            weaknesses: arguments.weaknesses.into_iter().flat_map(Weaknesses::iter).collect(),
            faults: Faults {
                latency: faults.latency,
                slow_ratio: faults.slow_ratio,
                slow_ms: faults.slow_ms,
                error_rate: faults.error_rate,
                stall_at_request: faults.stall.map(|(request, _)| request),
                stall_ms: faults.stall.map(|(_, ms)| ms).unwrap_or_default(),
                rate_limit: faults.rate_limit,
                close_rate: faults.close_rate,
            },
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program tells why it failed")]
fn main() -> ExitCode {
    let config = ShopConfig::from(Arguments::parse());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {}", ShopError::Thread(error));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(serve(config));
    // A statement of SQLite that sleeps must not hold the stop up.
    runtime.shutdown_background();
    code
}

/// Serves until a signal tells to stop.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program tells its address and why it failed"
)]
async fn serve(config: ShopConfig) -> ExitCode {
    // Caught before the address is printed: whoever reads it may stop the shop at once.
    let stopped = match stop_signal() {
        Ok(stopped) => stopped,
        Err(error) => {
            eprintln!("error: cannot listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let shop = match Shop::start(config).await {
        Ok(shop) => shop,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("http://{}", shop.addr());
    // A reader that has gone away does not need the address.
    drop(std::io::stdout().flush());
    stopped.await;
    shop.stop().await;
    ExitCode::SUCCESS
}

/// A future that ends on SIGINT or SIGTERM; both are caught from now on.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// A future that ends on Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stresshost_shop::Weakness;

    fn config(flags: &[&str]) -> Result<ShopConfig, clap::Error> {
        Arguments::try_parse_from([&["shop"], flags].concat()).map(ShopConfig::from)
    }

    #[test]
    fn flags_become_the_configuration() {
        let flags = "--port 8080 --seed 7 --products 50 --users 9 --token-ttl 60 --latency uniform:1..5 --slow-ratio 0.1 \
            --slow-ms 200 --error-rate 0.02 --stall 1000:500 --rate-limit 300 --close-rate 0.3 \
            --weakness bola --weakness sql_injection";
        let config = config(&flags.split_whitespace().collect::<Vec<_>>()).unwrap();
        assert_eq!(config.addr, SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        assert_eq!((config.seed, config.products, config.users, config.token_ttl_s), (7, 50, 9, 60));
        let expected = Faults {
            latency: Latency::Uniform { min_ms: 1.0, max_ms: 5.0 },
            slow_ratio: 0.1,
            slow_ms: 200.0,
            error_rate: 0.02,
            stall_at_request: Some(1000),
            stall_ms: 500.0,
            rate_limit: Some(300),
            close_rate: 0.3,
        };
        assert_eq!(config.faults, expected);
        let weaknesses: Vec<_> = config.weaknesses.iter().map(Weakness::name).collect();
        assert_eq!(weaknesses, ["sql_injection", "bola"]);
        let plain = super::tests::config(&[]).unwrap();
        assert_eq!((plain.faults, plain.weaknesses), (Faults::default(), Weaknesses::NONE));
        assert_eq!(super::tests::config(&["--weakness", "all"]).unwrap().weaknesses, Weaknesses::all());
    }

    #[test]
    fn wrong_flags_are_refused() {
        for flags in [
            ["--latency", "fast"],
            ["--stall", "5"],
            ["--stall", "x:5"],
            ["--slow-ratio", "0.1"],
            ["--weakness", "x"],
        ] {
            assert!(config(&flags).is_err(), "{flags:?}");
        }
    }
}
