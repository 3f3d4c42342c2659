//! What is done once after the load: the server's numbers again, the invariants, the ledger read back.

use std::time::Duration;

use stresshost_sdk::checks::Check;
use stresshost_sdk::metrics::Gauge;
use stresshost_sdk::pacing;
use stresshost_sdk::prelude::*;
use stresshost_sdk::sql::{Connection, Engine, Target};

use crate::builtin::ycsb;
use crate::database::Kind;
use crate::document::{Invariant, Workload};
use crate::mongo;
use crate::schema::texts;
use crate::server::{self, METRIC, Readings};
use crate::{statistics, user};

/// Name of the metric of what the ledger has grown by.
pub(crate) const READ_BACK: &str = "writes read back";

/// PostgreSQL's sessions write their counts at most so much later.
const STATISTICS_DELAY: Duration = Duration::from_millis(1_100);

/// The user that verifies.
#[derive(Debug)]
pub(crate) struct Verify {
    workload: Workload,
}

impl Verify {
    pub(crate) const fn new(workload: Workload) -> Self {
        Self { workload }
    }

    pub(crate) fn verify(&self) -> Result<(), Failure> {
        let before = &self.workload.found.before;
        match self.workload.database.kind {
            Kind::Redis => return record(before, &ycsb::redis::readings(&self.workload)?),
            Kind::Mongo => {
                let connection = mongo::open(&self.workload)?;
                record(before, &mongo::server::read(connection))?;
                return self.read_back(&ycsb::mongo::ledger(connection, &self.workload)?);
            }
            Kind::Postgresql | Kind::Mysql | Kind::Sqlite => {}
        }
        let connection = open(&self.workload)?;
        let engine = connection.server().engine;
        if engine == Engine::Postgresql {
            pacing::sleep(STATISTICS_DELAY);
        }
        let mut after = server::read(connection, engine);
        after.extend(statistics::readings(connection, engine, &self.workload));
        record(&self.workload.found.before, &after)?;
        for invariant in &self.workload.invariants {
            let broken = broken(connection, invariant)?;
            Check::register(&invariant.check())?.mark(broken.is_none());
            if let Some(evidence) = broken {
                report(invariant, "the data is not consistent after the load", evidence)?;
            }
        }
        self.read_back(&ledger(connection, &self.workload)?)
    }

    fn read_back(&self, after: &[(String, f64)]) -> Result<(), Failure> {
        let before = &self.workload.found.ledger;
        if after.is_empty() {
            return Ok(());
        }
        let sum = |numbers: &[(String, f64)]| numbers.iter().map(|(_, number)| number).sum::<f64>();
        Gauge::register(READ_BACK, "")?.set(sum(after) - sum(before));
        Ok(())
    }
}

/// A connection for the run's own questions.
pub(crate) fn open(workload: &Workload) -> Result<Connection, Failure> {
    let name = format!("{}own", user::applications(workload));
    Target::new(&workload.database.url).application_name(name).open()
}

/// The ledgers of the built-in workloads.
pub(crate) fn ledger(connection: Connection, workload: &Workload) -> Result<Vec<(String, f64)>, Failure> {
    let mut ledger = Vec::new();
    for (builtin, _) in &workload.builtins {
        let Some(text) = builtin.ledger() else { continue };
        let answer = connection.run("verify ledger", text);
        answer.check()?;
        let number = answer.row(0).and_then(|row| row.first().and_then(stresshost_sdk::sql::Cell::as_f64));
        ledger.extend(number.map(|number| (builtin.word().to_owned(), number)));
    }
    Ok(ledger)
}

/// What an invariant's query returns, if it returns anything.
pub(crate) fn broken(connection: Connection, invariant: &Invariant) -> Result<Option<String>, Failure> {
    let answer = connection.run("verify invariant", &invariant.sql);
    answer.check().map_err(|failure| {
        Failure::new(failure.code, format!("invariant `{}`: {}", invariant.name, failure.message))
    })?;
    let Some(row) = answer.row(0) else { return Ok(None) };
    let cells = answer.columns().into_iter().zip(texts(&row));
    let shown: Vec<String> = cells.map(|(name, value)| format!("{name} = {value}")).collect();
    Ok(Some(format!("{} rows, the first: {}", answer.rows(), shown.join(", "))))
}

/// Tells that an invariant does not hold.
pub(crate) fn report(invariant: &Invariant, message: &str, evidence: String) -> Result<(), Failure> {
    stresshost_sdk::findings::report(&Finding {
        rule: "invariant".to_owned(),
        severity: "high".to_owned(),
        message: message.to_owned(),
        location: invariant.name.clone(),
        evidence,
        confidence: "confirmed".to_owned(),
        remedy: "look for changes that belong together and are not in one transaction".to_owned(),
    })
}

/// Records how far each number of the server has moved; of a state, what it is.
fn record(before: &[(String, f64)], after: &Readings) -> Result<(), Failure> {
    for (name, number) in after {
        let gauge = Gauge::register(&format!("{METRIC}{name}"), "")?;
        if server::is_state(name) {
            gauge.set(*number);
        } else if let Some(before) = server::number(before, name) {
            gauge.set(number - before);
        }
    }
    Ok(())
}
