//! Makes connections: egress rule, look-up, the server's own handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stresshost_metrics::{ErrorKind, Phases};

use super::cancel::Cancel;
use super::connection::{Driver, Physical, ServerFacts, stop_flag};
use super::core::SqlCore;
use super::error::SqlError;
use super::target::Target;
use super::{mysql, postgres, sqlite};
use crate::network::NoWay;
use crate::origin::Scheme;

/// A connection that was made, or not, and where the time went.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) result: Result<Box<Physical>, SqlError>,
    pub(crate) timing: Timing,
}

/// When a connection was being made.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// When it began, on the run clock.
    pub fired_ns: u64,
    /// When it was there, or failed.
    pub done_ns: u64,
    /// Where the time went: for MySQL TCP, TLS and the server's handshake are one, as sqlx does them.
    pub phases: Phases,
}

/// Connects within the target's timeout.
pub(crate) async fn connect(core: &SqlCore, target: &Target) -> Connected {
    // In memory of its own: a handshake is large, and statements, whose future would have room for one, are far more.
    Box::pin(timed(core, target)).await
}

async fn timed(core: &SqlCore, target: &Target) -> Connected {
    let clock = core.clock();
    let fired_ns = clock.now_ns();
    let mut phases = Phases::default();
    let limit = Duration::from_millis(target.connect_timeout_ms);
    let result = match tokio::time::timeout(limit, attempt(core, target, &mut phases)).await {
        Ok(result) => result,
        Err(_) => {
            let text = format!("no connection to {} within {} ms", target.origin, target.connect_timeout_ms);
            Err(SqlError::fatal(ErrorKind::ConnectTimeout, text))
        }
    };
    let done_ns = clock.now_ns();
    let rest_ns = phases.lookup_ns + phases.connect_ns + phases.tls_ns + phases.wait_ns;
    phases.connect_ns += done_ns.saturating_sub(fired_ns).saturating_sub(rest_ns);
    Connected { result: result.map(Box::new), timing: Timing { fired_ns, done_ns, phases } }
}

async fn attempt(core: &SqlCore, target: &Target, phases: &mut Phases) -> Result<Physical, SqlError> {
    let network = core.network();
    let no_way = |NoWay { kind, text }| SqlError::fatal(kind, text);
    network.check(&target.origin).map_err(no_way)?;
    if target.origin.scheme == Scheme::Sqlite {
        return file(core, target).await;
    }
    let start_ns = core.clock().now_ns();
    let addresses = network.addresses(&target.origin, core.clock()).await;
    phases.lookup_ns = core.clock().now_ns().saturating_sub(start_ns);
    let addresses = addresses.map_err(no_way)?;
    let mut last = SqlError::fatal(ErrorKind::Lookup, format!("{} has no address", target.origin));
    for (index, &address) in addresses.iter().enumerate() {
        // Each address gets its share of the time, so that a dead first one leaves some.
        let left = u64::try_from(addresses.len() - index).unwrap_or(1);
        let share = Duration::from_millis(target.connect_timeout_ms / left);
        match tokio::time::timeout(share, server(core, target, address, phases)).await {
            Ok(Ok(physical)) => return Ok(physical),
            // A server that answered has decided.
            Ok(Err(error)) if !error.code.is_empty() => return Err(error),
            Ok(Err(error)) => last = error,
            Err(_) => {
                let text = format!("no connection to {address} within {} ms", share.as_millis());
                last = SqlError::fatal(ErrorKind::ConnectTimeout, text);
            }
        }
    }
    Err(last)
}

async fn file(core: &SqlCore, target: &Target) -> Result<Physical, SqlError> {
    let stop = stop_flag();
    let connected = sqlite::connect(&sqlite::options(target), Arc::clone(&stop)).await;
    let (connection, facts) =
        connected.map_err(|error| SqlError::of_connect(&error, &target.origin.to_string()))?;
    let facts = ServerFacts::new("sqlite", facts);
    Ok(Physical::new(Driver::Sqlite(connection), facts, Cancel::Sqlite(stop), core.canceller()))
}

async fn server(
    core: &SqlCore,
    target: &Target,
    address: SocketAddr,
    phases: &mut Phases,
) -> Result<Physical, SqlError> {
    let failed = |error: sqlx::Error| SqlError::of_connect(&error, &address.to_string());
    if target.origin.scheme == Scheme::Mysql {
        let options = Arc::new(mysql::options(core, target, address));
        let (connection, facts) = mysql::connect(&options, target).await.map_err(failed)?;
        let engine = if mysql::is_mariadb(&facts[0]) { "mariadb" } else { "mysql" };
        let facts = ServerFacts::new(engine, facts);
        let cancel = Cancel::Mysql { options, session: facts.session.clone() };
        return Ok(Physical::new(Driver::Mysql(connection), facts, cancel, core.canceller()));
    }
    let (mut connection, key) = postgres::connect(core, target, address, phases).await?;
    let facts = ServerFacts::new("postgresql", postgres::facts(&mut connection).await?);
    let cancel = Cancel::Postgresql(Arc::new(key));
    Ok(Physical::new(Driver::Postgresql(connection), facts, cancel, core.canceller()))
}
