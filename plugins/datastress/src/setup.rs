//! What is done once before the load: the server is looked at, data made, statements tried, generators chosen.

pub(crate) mod told;

use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json;
use stresshost_sdk::sql::{Connection, Engine, Server};

use crate::builtin::ycsb;
use crate::database::Kind;
use crate::document::{Doing, Step, Workload};
use crate::explain::{self, Plan, index_columns};
use crate::limits::SPARE_CONNECTIONS;
use crate::mongo;
use crate::prove::{self, Worth};
use crate::schema::Schema;
use crate::server::number;
use crate::statement::Class;
use crate::verify::{broken, ledger, open, report};
use crate::{data, infer, server, statistics};

/// Oldest versions whose statistics and syntax are those that this plugin asks for.
const OLDEST: [(Engine, &str, [u32; 2]); 4] = [
    (Engine::Postgresql, "PostgreSQL", [12, 0]),
    (Engine::Mysql, "MySQL", [8, 0]),
    (Engine::Mariadb, "MariaDB", [10, 5]),
    (Engine::Sqlite, "SQLite", [3, 35]),
];

/// Oldest Redis: the first with `HSET` of several fields.
const OLDEST_REDIS: [u32; 2] = [4, 0];

/// Oldest MongoDB: the first with `OP_MSG`, by which the host speaks to it.
pub(crate) const OLDEST_MONGO: [u32; 2] = [3, 6];

/// Makes everything ready.
///
/// # Errors
/// Why the load cannot begin.
pub(crate) fn setup(context: SetupContext) -> Result<Workload, Failure> {
    let mut workload: Workload = serde_json::from_value(context.workload)
        .map_err(|error| Failure::setup(format!("the plan's workload cannot be read: {error}")))?;
    workload.found.run = context.run_id;
    match workload.database.kind {
        Kind::Redis => return redis(workload),
        Kind::Mongo => return mongo::setup::setup(workload),
        Kind::Postgresql | Kind::Mysql | Kind::Sqlite => {}
    }
    let connection = open(&workload)?;
    let server = connection.server();
    check_version(&server)?;
    let readings = server::read(connection, server.engine);
    check_room(&workload, &readings)?;
    told::server(&workload, &server, &readings)?;
    workload.found.made = data::make(connection, server.engine, &workload.builtins)?;
    match prepare(&mut workload, connection, &server) {
        Ok(()) => {}
        Err(failure) => {
            // Only what went wrong first is told; what is left behind is named by the tear-down's own warning.
            data::take(connection, &workload.found.made).unwrap_or_default();
            return Err(failure);
        }
    }
    connection.close();
    Ok(workload)
}

/// Takes away what the run has made.
///
/// # Errors
/// When the server refuses.
pub(crate) fn teardown(workload: &Workload) -> Result<(), Failure> {
    match workload.database.kind {
        Kind::Redis => ycsb::redis::take(workload),
        Kind::Mongo => ycsb::mongo::take(workload),
        _ if workload.found.made.is_empty() => Ok(()),
        _ => data::take(open(workload)?, &workload.found.made),
    }
}

fn redis(mut workload: Workload) -> Result<Workload, Failure> {
    let (engine, version) = ycsb::redis::version(&workload)?;
    if older(&version, OLDEST_REDIS) {
        return Err(too_old(&engine, &version, OLDEST_REDIS));
    }
    let readings = ycsb::redis::readings(&workload)?;
    told::engine(&workload, &engine, &version, &readings)?;
    workload.found.made = ycsb::redis::make(&workload)?;
    workload.found.before = ycsb::redis::readings(&workload)?;
    Ok(workload)
}

fn prepare(workload: &mut Workload, connection: Connection, server: &Server) -> Result<(), Failure> {
    let engine = server.engine;
    choose(workload, connection, engine)?;
    told::parameters(workload)?;
    if workload.options.explain {
        explain(workload, connection, server)?;
    }
    for invariant in &workload.invariants {
        let found = broken(connection, invariant).map_err(|failure| Failure::setup(failure.message))?;
        if let Some(evidence) = found {
            report(invariant, "the data was not consistent before the load", evidence)?;
        }
    }
    workload.found.ledger =
        ledger(connection, workload).map_err(|failure| Failure::setup(failure.message))?;
    workload.found.before = server::read(connection, engine);
    let counted = statistics::readings(connection, engine, workload);
    workload.found.before.extend(counted);
    Ok(())
}

fn check_version(server: &Server) -> Result<(), Failure> {
    let oldest = OLDEST.iter().find(|(engine, _, _)| *engine == server.engine);
    match oldest {
        Some((_, name, oldest)) if older(&server.version, *oldest) => {
            Err(too_old(name, &server.version, *oldest))
        }
        _ => Ok(()),
    }
}

pub(crate) fn too_old(name: &str, version: &str, oldest: [u32; 2]) -> Failure {
    let [major, minor] = oldest;
    let version = version.split_whitespace().next().unwrap_or_default();
    Failure::setup(format!("{name} {version} is too old: {major}.{minor} or newer is wanted"))
}

/// Whether a version is older; one that cannot be read is not.
pub(crate) fn older(version: &str, oldest: [u32; 2]) -> bool {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut part = || parts.next().and_then(|part| part.parse().ok());
    let Some(major) = part() else { return false };
    [major, part().unwrap_or(0)] < oldest
}

/// Whether the server has room for the run's connections, where it says.
pub(crate) fn check_room(workload: &Workload, readings: &[(String, f64)]) -> Result<(), Failure> {
    let Some((most, name)) = server::most_connections(readings) else { return Ok(()) };
    let used = ["pg_stat_database.numbackends", "Threads_connected", "connections.current"];
    let used = used.iter().find_map(|name| number(readings, name));
    // Beside the users there are the monitor and the connection that asks.
    let wanted = (workload.options.connections + 1 + SPARE_CONNECTIONS) as f64;
    let used = (used.unwrap_or(1.0) - 1.0).max(0.0);
    if used + wanted <= most {
        return Ok(());
    }
    Err(Failure::setup(format!(
        "the server takes {most:.0} connections ({name}), {used:.0} are in use, and the run needs {wanted:.0}: \
         raise its limit or lower --connections"
    )))
}

/// Tries every statement, and chooses the generators that were not declared.
fn choose(workload: &mut Workload, connection: Connection, engine: Engine) -> Result<(), Failure> {
    let tables: Vec<String> = steps(workload).flat_map(|step| step.tables.iter().cloned()).collect();
    let schema =
        if tables.is_empty() { Schema::default() } else { Schema::read(connection, engine, &tables)? };
    for work in &mut workload.works {
        let Doing::Statements { steps, .. } = &mut work.doing else { continue };
        for step in steps {
            let prepared = connection.prepare(&step.name, &step.text);
            let place = |failure: Failure| Failure::setup(format!("{} ({})", failure.message, step.place));
            let types = prepared.map_err(place)?.parameters();
            if !types.is_empty() && types.len() != step.parameters.len() {
                return Err(Failure::setup(format!(
                    "statement `{}`: the server counts {} parameters, its text {} ({})",
                    step.name,
                    types.len(),
                    step.parameters.len(),
                    step.place
                )));
            }
            infer::fill(step, &schema, connection);
        }
    }
    Ok(())
}

fn steps(workload: &Workload) -> impl Iterator<Item = &Step> {
    workload.works.iter().flat_map(|work| match &work.doing {
        Doing::Statements { steps, .. } => steps.as_slice(),
        _ => &[],
    })
}

/// Reads the plan of every statement, each text once.
fn explain(workload: &Workload, connection: Connection, server: &Server) -> Result<(), Failure> {
    let reading = stresshost_sdk::sql::Target::new(&workload.database.url).read_only(true).open()?;
    let mut seen: Vec<&str> = Vec::new();
    for step in steps(workload) {
        if seen.contains(&step.text.as_str()) {
            continue;
        }
        seen.push(&step.text);
        let of = if step.class == Class::Read { reading } else { connection };
        match explain::plan(of, server.engine, &server.version, step) {
            Ok(plan) => stand_out(workload, connection, server.engine, step, &plan)?,
            Err(message) => stresshost_sdk::warn!("`{}`: no plan: {message}", step.name),
        }
    }
    reading.close();
    Ok(())
}

fn stand_out(
    workload: &Workload,
    connection: Connection,
    engine: Engine,
    step: &Step,
    plan: &Plan,
) -> Result<(), Failure> {
    for scan in plan.scans.iter().filter(|scan| scan.is_much()) {
        let columns = index_columns(step, &scan.table);
        let suggested = (!columns.is_empty()).then(|| {
            let worth = worth(workload, connection, engine, step, &scan.table, &columns);
            (prove::create(&scan.table, &columns), worth)
        });
        told::scan(step, ("table", "rows"), scan, suggested.as_ref())?;
    }
    for (node, estimated, found) in &plan.misjudged {
        told::misjudged(step, node, *estimated, *found)?;
    }
    Ok(())
}

/// How sure it is that an index helps: measured when asked to, else the planner's estimate.
fn worth(
    workload: &Workload,
    connection: Connection,
    engine: Engine,
    step: &Step,
    table: &str,
    columns: &[String],
) -> Worth {
    if workload.options.prove {
        if step.class != Class::Read {
            stresshost_sdk::warn!("`{}`: an index is measured for statements that read only", step.name);
        } else {
            match prove::measure(connection, engine, step, table, columns) {
                Ok(worth) => return worth,
                Err(message) => {
                    stresshost_sdk::warn!("`{}`: the index was not measured: {message}", step.name)
                }
            }
        }
    }
    let estimated = (engine == Engine::Postgresql).then(|| prove::estimate(connection, step, table, columns));
    estimated.flatten().unwrap_or(Worth::Suspected)
}

#[cfg(test)]
mod tests;
