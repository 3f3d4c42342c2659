//! A virtual user: one connection, statements prepared, values drawn for each iteration.

use std::time::Duration;

use stresshost_sdk::metrics::Counter;
use stresshost_sdk::prelude::*;
use stresshost_sdk::sql::{Answer, Connection, Statement, Target, Value};
use stresshost_sdk::{pacing, random};

use crate::builtin::Builtin;
use crate::builtin::tpcc::TpcC;
use crate::builtin::ycsb;
use crate::database::Kind;
use crate::document::{Doing, Layout, QueryType, Step, Work, Workload};
use crate::generator::{Drawn, Source};
use crate::limits::RECONNECT_MS;
use crate::mongo;
use crate::mongo::user::Commands;
use crate::monitor::Monitor;
use crate::verify::Verify;

/// Name of the counter of acknowledged transactions of built-in workloads that write.
pub(crate) const ACKNOWLEDGED: &str = "acknowledged writes";

/// Name of the counter of those of whose outcome nothing is known.
pub(crate) const UNKNOWN: &str = "writes of unknown outcome";

/// A virtual user.
#[derive(Debug, Default)]
pub(crate) struct User {
    job: Job,
    /// Iterations in a row that reached no server.
    lost: u32,
}

#[derive(Debug, Default)]
enum Job {
    #[default]
    Idle,
    Statements(Statements),
    TpcC(TpcC, Ledger),
    Redis(Box<ycsb::redis::User>),
    Mongo(Box<ycsb::mongo::User>),
    Commands(Commands),
    Monitor(Monitor),
    Verify(Box<Verify>),
}

/// Counts what the data must show in the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ledger {
    acknowledged: Counter,
    unknown: Counter,
}

#[derive(Debug)]
struct Statements {
    connection: Connection,
    ready: Vec<Ready>,
    transaction: bool,
    weights: u64,
    ledger: Option<Ledger>,
    drawn: Drawn,
}

#[derive(Debug)]
struct Ready {
    name: String,
    statement: Statement,
    sources: Vec<Source>,
    weight: u64,
    keeps_row: bool,
    writes: bool,
}

/// The connection that users of a work have.
pub(crate) fn target(workload: &Workload, work: usize, layout: Option<&Layout>) -> Target {
    let known = workload.works.get(work);
    let is_read = known.is_some_and(|work| work.query_type == QueryType::Read);
    let mut target =
        Target::new(&workload.database.url).application_name(application(workload, work)).read_only(is_read);
    if let Some(ms) = workload.options.timeout_ms {
        target = target.statement_timeout(Duration::from_millis(ms));
    }
    match layout.and_then(|layout| layout.pool) {
        Some(size) => target.pool(size),
        None => target,
    }
}

/// What the server's list of sessions calls a work's connections; PostgreSQL keeps 63 bytes.
pub(crate) fn application(workload: &Workload, work: usize) -> String {
    let name = workload.works.get(work).map_or("", |work| work.name.as_str());
    let text = format!("{}{work}/{name}", applications(workload));
    text.get(..text.floor_char_boundary(60)).unwrap_or_default().to_owned()
}

/// What the names of all of a run's connections begin with.
pub(crate) fn applications(workload: &Workload) -> String {
    let run: String = workload.found.run.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("stresshost/{}/", run.get(run.len().saturating_sub(8)..).unwrap_or_default())
}

impl User {
    pub(crate) fn start(vu: VuInfo, workload: &Workload) -> Result<Self, Failure> {
        let layout = workload.present();
        let index = layout.and_then(|layout| layout.work_of(vu.id));
        let Some((index, work)) = index.and_then(|index| Some((index, workload.works.get(index)?))) else {
            return Ok(Self::default());
        };
        let job = match &work.doing {
            Doing::Statements { steps, .. } if workload.database.kind == Kind::Mongo => {
                Job::Commands(Commands::new(mongo::open_user(workload)?, steps)?)
            }
            Doing::Statements { steps, transaction } => {
                let connection = target(workload, index, layout).open()?;
                Job::Statements(Statements::new(connection, steps, *transaction, ledger(workload, work)?)?)
            }
            Doing::TpcC { warehouses } => {
                let connection = target(workload, index, layout).open()?;
                let ledger = Ledger::new()?;
                Job::TpcC(TpcC::new(connection, *warehouses)?, ledger)
            }
            Doing::Records { builtin, records } => {
                records_job(workload, work.query_type, *builtin, *records)?
            }
            Doing::Monitor => Job::Monitor(Monitor::new(workload)?),
            Doing::Verify => Job::Verify(Box::new(Verify::new(workload.clone()))),
        };
        Ok(Self { job, lost: 0 })
    }

    pub(crate) fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        let done = self.work(iteration);
        match &done {
            Err(failure) if is_lost(&failure.code) => {
                let (first, longest) = RECONNECT_MS;
                // Users that try as fast as they can would keep a server that starts from starting.
                pacing::sleep(Duration::from_millis(longest.min(first << self.lost.min(10))));
                self.lost += 1;
            }
            _ => self.lost = 0,
        }
        done
    }

    fn work(&mut self, iteration: Iteration) -> Result<(), Failure> {
        match &mut self.job {
            Job::Statements(statements) => statements.iterate(iteration.number),
            Job::TpcC(tpcc, ledger) => ledger.count(tpcc.iterate()),
            Job::Redis(user) => user.iterate(iteration.number),
            Job::Mongo(user) => user.iterate(iteration.number),
            Job::Commands(commands) => commands.iterate(iteration.number),
            Job::Monitor(monitor) => monitor.look(),
            Job::Verify(verify) => verify.verify(),
            Job::Idle => Err(Failure::setup("the plan has no work for this user")),
        }
    }
}

fn records_job(
    workload: &Workload,
    query_type: QueryType,
    builtin: Builtin,
    records: u64,
) -> Result<Job, Failure> {
    Ok(match workload.database.kind {
        Kind::Mongo => Job::Mongo(Box::new(ycsb::mongo::User::new(workload, builtin, query_type, records)?)),
        _ => Job::Redis(Box::new(ycsb::redis::User::new(workload, builtin, query_type, records)?)),
    })
}

/// The ledger of a built-in workload that writes; the user's own data has none.
fn ledger(workload: &Workload, work: &Work) -> Result<Option<Ledger>, Failure> {
    let is_builtin = matches!(&work.doing, Doing::Statements { steps, .. } if steps.iter().all(|step| step.place == "built-in"));
    if workload.builtins.is_empty() || !is_builtin || work.query_type == QueryType::Read {
        return Ok(None);
    }
    Ledger::new().map(Some)
}

impl Ledger {
    pub(crate) fn new() -> Result<Self, Failure> {
        let (acknowledged, unknown) = (Counter::register(ACKNOWLEDGED, "")?, Counter::register(UNKNOWN, "")?);
        Ok(Self { acknowledged, unknown })
    }

    pub(crate) fn count(self, done: Result<(), Failure>) -> Result<(), Failure> {
        match &done {
            Ok(()) => self.acknowledged.add(1.0),
            Err(failure) if is_unknown(&failure.code) => self.unknown.add(1.0),
            Err(_) => {}
        }
        done
    }
}

/// Whether there was no server, or none that takes connections.
fn is_lost(code: &str) -> bool {
    ErrorKind::from_name(code).is_some_and(|kind| kind.is_unreachable() || kind == ErrorKind::Unavailable)
}

/// Whether the server may have done what it did not answer.
fn is_unknown(code: &str) -> bool {
    let kinds = [
        ErrorKind::OutcomeUnknown,
        ErrorKind::Closed,
        ErrorKind::Reset,
        ErrorKind::Timeout,
        ErrorKind::Interrupted,
    ];
    kinds.iter().any(|kind| kind.name() == code)
}

impl Statements {
    fn new(
        connection: Connection,
        steps: &[Step],
        transaction: bool,
        ledger: Option<Ledger>,
    ) -> Result<Self, Failure> {
        let ready = steps.iter().map(|step| Ready::new(connection, step)).collect::<Result<Vec<_>, _>>()?;
        let weights = ready.iter().map(|ready| ready.weight).sum();
        Ok(Self { connection, ready, transaction, weights, ledger, drawn: Drawn::default() })
    }

    fn iterate(&mut self, number: u64) -> Result<(), Failure> {
        self.drawn.number = number;
        self.drawn.shared.clear();
        self.drawn.returned.clear();
        if self.transaction {
            return self.in_transaction();
        }
        let Some(ready) = chosen(&self.ready, self.weights) else { return Ok(()) };
        let done = ready.execute(&mut self.drawn).map(|_| ());
        match self.ledger {
            Some(ledger) if ready.writes => ledger.count(done),
            _ => done,
        }
    }

    fn in_transaction(&mut self) -> Result<(), Failure> {
        failed("BEGIN", self.connection.begin())?;
        let mut ended = Ok(());
        for ready in &self.ready {
            ended = ready.execute(&mut self.drawn).map(|row| self.drawn.returned.push(row));
            if ended.is_err() {
                break;
            }
        }
        if ended.is_err() {
            // What it answers changes nothing: the transaction has failed.
            self.connection.rollback();
            return ended;
        }
        let committed = failed("COMMIT", self.connection.commit()).map(|_| ());
        match self.ledger {
            Some(ledger) => ledger.count(committed),
            None => committed,
        }
    }
}

/// A statement by its weight.
fn chosen(ready: &[Ready], weights: u64) -> Option<&Ready> {
    if let [only] = ready {
        return Some(only);
    }
    let mut left = random::below(weights);
    ready.iter().find(|one| {
        let is_it = left < one.weight;
        left = left.saturating_sub(one.weight);
        is_it
    })
}

impl Ready {
    fn new(connection: Connection, step: &Step) -> Result<Self, Failure> {
        let statement = connection.prepare(&step.name, &step.text)?;
        let types = statement.parameters();
        let source = |(place, filled): (usize, &crate::document::Filled)| {
            let unknown = || Failure::setup(format!("`{}`: nothing fills ${}", step.name, place + 1));
            let wire = types.get(place).map_or(filled.wire, |name| crate::generator::Wire::of_type(name));
            Source::new(filled.by.as_ref().ok_or_else(unknown)?, wire)
        };
        Ok(Self {
            name: step.name.clone(),
            statement,
            sources: step.parameters.iter().enumerate().map(source).collect::<Result<_, _>>()?,
            weight: step.weight,
            keeps_row: step.keeps_row,
            writes: step.class != crate::statement::Class::Read,
        })
    }

    /// Executes it; the first row, when a later statement needs it.
    fn execute(&self, drawn: &mut Drawn) -> Result<Vec<stresshost_sdk::sql::Cell>, Failure> {
        drawn.values.clear();
        for source in &self.sources {
            let cell = source.draw(drawn);
            drawn.values.push(cell);
        }
        let values: Vec<Value<'_>> = drawn.values.iter().map(Value::from).collect();
        if !self.keeps_row {
            return failed(&self.name, self.statement.execute(&values)).map(|_| Vec::new());
        }
        let answer = failed(&self.name, self.statement.query(&values))?;
        answer.row(0).ok_or_else(|| Failure::new("data", format!("`{}` returned no row", self.name)))
    }
}

/// The answer, unless it is a failure.
fn failed(name: &str, answer: Answer) -> Result<Answer, Failure> {
    answer.check().map_err(|failure| Failure::new(failure.code, format!("`{name}`: {}", failure.message)))?;
    Ok(answer)
}
