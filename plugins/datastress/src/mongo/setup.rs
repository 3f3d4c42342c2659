//! What is done once before the load on MongoDB: the server is looked at, records made, parameters filled, plans read.

use stresshost_sdk::mongo::Connection;
use stresshost_sdk::prelude::*;

use super::{explain, infer, server};
use crate::builtin::ycsb;
use crate::document::{Doing, Step, Workload};
use crate::explain::index_columns;
use crate::prove::Worth;
use crate::setup::{OLDEST_MONGO, check_room, older, told, too_old};

/// Makes everything ready.
///
/// # Errors
/// Why the load cannot begin.
pub(crate) fn setup(mut workload: Workload) -> Result<Workload, Failure> {
    let connection = super::open(&workload)?;
    let facts = connection.server();
    if older(&facts.version, OLDEST_MONGO) {
        return Err(too_old("MongoDB", &facts.version, OLDEST_MONGO));
    }
    if !facts.primary && workload.writes() {
        let host = &workload.database.host;
        let set = if facts.set.is_empty() { String::new() } else { format!(" of set `{}`", facts.set) };
        return Err(Failure::setup(format!(
            "`{host}` is no primary{set} and takes no writes: give the primary's host"
        )));
    }
    let readings = server::read(connection);
    check_room(&workload, &readings)?;
    told::engine(&workload, "MongoDB", &facts.version, &readings)?;
    workload.found.made = ycsb::mongo::make(connection, &workload)?;
    if let Err(failure) = prepare(&mut workload, connection) {
        // Only what went wrong first is told.
        ycsb::mongo::drop_made(connection, &workload.found.made).unwrap_or_default();
        return Err(failure);
    }
    connection.close();
    Ok(workload)
}

fn prepare(workload: &mut Workload, connection: Connection) -> Result<(), Failure> {
    for work in &mut workload.works {
        let Doing::Statements { steps, .. } = &mut work.doing else { continue };
        for step in steps {
            let place = |failure: Failure| Failure::setup(format!("{} ({})", failure.message, step.place));
            connection.command(&step.name, &step.text).prepare().map_err(place)?;
            infer::fill(step, connection)?;
        }
    }
    told::parameters(workload)?;
    if workload.options.explain {
        plans(workload, connection)?;
    }
    let ledger = ycsb::mongo::ledger(connection, workload);
    workload.found.ledger = ledger.map_err(|failure| Failure::setup(failure.message))?;
    workload.found.before = server::read(connection);
    Ok(())
}

/// Reads the plan of every command, each text once.
fn plans(workload: &Workload, connection: Connection) -> Result<(), Failure> {
    let mut seen: Vec<&str> = Vec::new();
    let steps = workload.works.iter().flat_map(|work| match &work.doing {
        Doing::Statements { steps, .. } => steps.as_slice(),
        _ => &[],
    });
    for step in steps {
        if seen.contains(&step.text.as_str()) {
            continue;
        }
        seen.push(&step.text);
        match explain::scan(connection, step) {
            Ok(Some(scan)) if scan.is_much() => {
                let index = index(step, &scan.table).map(|create| (create, Worth::Suspected));
                told::scan(step, ("collection", "documents"), &scan, index.as_ref())?;
            }
            Ok(_) => {}
            Err(message) => stresshost_sdk::warn!("`{}`: no plan: {message}", step.name),
        }
    }
    Ok(())
}

/// The index that might help, as the shell makes it.
fn index(step: &Step, collection: &str) -> Option<String> {
    let fields = index_columns(step, collection);
    let keys: Vec<String> = fields.iter().map(|field| format!("\"{field}\": 1")).collect();
    let create = format!("db.getCollection(\"{collection}\").createIndex({{ {} }})", keys.join(", "));
    (!keys.is_empty()).then_some(create)
}

#[cfg(test)]
mod tests;
