//! What the set-up tells the report: it goes as findings, whose evidence the analysis reads again.

use stresshost_sdk::findings;
use stresshost_sdk::prelude::*;
use stresshost_sdk::sql::{Engine, Server};

use crate::document::{Doing, Step, Workload};
use crate::explain::Scan;
use crate::limits::{MAX_EVIDENCE, MAX_EVIDENCE_LINE};
use crate::prove::Worth;
use crate::server::most_connections;

/// Rules of what is told.
pub(crate) const SERVER: &str = "server";
pub(crate) const PARAMETERS: &str = "parameters";
pub(crate) const SCAN: &str = "sequential-scan";
pub(crate) const MISJUDGED: &str = "row-estimate";

/// Between the columns of a line of evidence.
pub(crate) const BETWEEN: &str = " | ";

/// Facts about the server.
pub(super) fn server(
    workload: &Workload,
    server: &Server,
    readings: &[(String, f64)],
) -> Result<(), Failure> {
    let name = match server.engine {
        Engine::Postgresql => "PostgreSQL",
        Engine::Mysql => "MySQL",
        Engine::Mariadb => "MariaDB",
        Engine::Sqlite => "SQLite",
    };
    engine(workload, name, &server.version, readings)
}

/// Facts about a server by its engine's name.
pub(crate) fn engine(
    workload: &Workload,
    engine: &str,
    version: &str,
    readings: &[(String, f64)],
) -> Result<(), Failure> {
    let database = &workload.database;
    let most = most_connections(readings);
    let mut evidence =
        vec![format!("{engine}{BETWEEN}{version}{BETWEEN}{}{BETWEEN}{}", database.name, database.host)];
    evidence.extend(most.map(|(most, _)| format!("max_connections {most:.0}")));
    stresshost_sdk::info!("{engine} {version}: {} @ {}", database.name, database.host);
    told(SERVER, "the server that was tested", &database.place(), &evidence)
}

/// Which generator fills which parameter, and why: one finding a scenario.
pub(crate) fn parameters(workload: &Workload) -> Result<(), Failure> {
    for work in &workload.works {
        let Doing::Statements { steps, .. } = &work.doing else { continue };
        let mut lines = Vec::new();
        for step in steps {
            for (number, filled) in (1..).zip(&step.parameters) {
                let by = filled.by.as_ref().map(crate::generator::Generator::describe).unwrap_or_default();
                let line = format!("{} ${number}{BETWEEN}{by}{BETWEEN}{}", step.name, filled.why);
                stresshost_sdk::info!("{}: {}", work.name, line.replace(BETWEEN, ": "));
                lines.push(line);
            }
        }
        if !lines.is_empty() {
            told(PARAMETERS, "how parameters are filled", &work.name, &lines)?;
        }
    }
    Ok(())
}

/// A table or collection, and rows or documents in it, that is read whole, and the index that might help.
pub(crate) fn scan(
    step: &Step,
    (what, records): (&str, &str),
    scan: &Scan,
    index: Option<&(String, Worth)>,
) -> Result<(), Failure> {
    let remedy = index.map(|(create, worth)| format!("{create} ({})", worth.words())).unwrap_or_default();
    // The plan shows the scan itself; only of the remedy one may be unsure.
    findings::report(&Finding {
        rule: SCAN.to_owned(),
        severity: "medium".to_owned(),
        message: format!("{what} `{}` is read by a sequential scan", scan.table),
        location: step.name.clone(),
        evidence: scan.evidence(records),
        confidence: "confirmed".to_owned(),
        remedy,
    })
}

/// An estimate that is far off.
pub(super) fn misjudged(step: &Step, node: &str, estimated: f64, found: f64) -> Result<(), Failure> {
    findings::report(&Finding {
        rule: MISJUDGED.to_owned(),
        severity: "low".to_owned(),
        message: format!("the planner misjudges the rows of `{node}`"),
        location: step.name.clone(),
        evidence: format!("{estimated:.0} rows were estimated, {found:.0} found"),
        confidence: "confirmed".to_owned(),
        remedy: "run ANALYZE on the tables, or raise the statistics target of the columns in the condition"
            .to_owned(),
    })
}

/// A finding that only informs. Lines that do not fit are counted.
fn told(rule: &str, message: &str, location: &str, lines: &[String]) -> Result<(), Failure> {
    let mut evidence = String::new();
    for (place, line) in lines.iter().enumerate() {
        let line = line.get(..line.floor_char_boundary(MAX_EVIDENCE_LINE)).unwrap_or_default();
        if evidence.len() + line.len() + MAX_EVIDENCE_LINE > MAX_EVIDENCE {
            evidence.push_str(&format!("\n{} more", lines.len() - place));
            break;
        }
        if place > 0 {
            evidence.push('\n');
        }
        evidence.push_str(line);
    }
    findings::report(&Finding {
        rule: rule.to_owned(),
        severity: "info".to_owned(),
        message: message.to_owned(),
        location: location.to_owned(),
        evidence,
        ..Finding::default()
    })
}
