//! Between the contract's strings and a [`Workload`]'s types. Used by [`crate::export!`]; not for workloads.

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stresshost_plan::{ANALYSIS_SCHEMA, DESCRIPTOR_SCHEMA, PLAN_SCHEMA, Problem};

use crate::{Failure, Iteration, PhaseContext, VuInfo, Workload, features, host};

/// The virtual user that an instance is, once started.
pub type Slot<W> = RefCell<Option<W>>;

/// What `Cargo.toml` says of the workload's package.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its description.
    pub summary: &'static str,
}

/// The descriptor document.
pub fn describe<W: Workload>(package: Package) -> String {
    let mut descriptor = W::describe();
    DESCRIPTOR_SCHEMA.clone_into(&mut descriptor.schema);
    let or_package = [
        (&mut descriptor.name, package.name),
        (&mut descriptor.version, package.version),
        (&mut descriptor.summary, package.summary),
    ];
    for (field, value) in or_package {
        if field.is_empty() {
            value.clone_into(field);
        }
    }
    write(&descriptor)
}

/// The plan document, or the document of the problems.
///
/// # Errors
/// When the workload finds problems, or the host's document cannot be read.
pub fn plan<W: Workload>(input: &str) -> Result<String, String> {
    let unreadable = |error: serde_json::Error| {
        let hint = "rebuild the plugin with the SDK of this host's version";
        write(&[Problem::new("", format!("the host's plan input cannot be read: {error}")).hint(hint)])
    };
    let input = serde_json::from_str(input).map_err(unreadable)?;
    match W::plan(input) {
        Ok(mut plan) => {
            PLAN_SCHEMA.clone_into(&mut plan.schema);
            for feature in features::of(&plan) {
                if !plan.requires.iter().any(|known| known == feature) {
                    plan.requires.push(feature.to_owned());
                }
            }
            Ok(write(&plan))
        }
        Err(problems) => Err(write(&problems)),
    }
}

/// The shared value as a document.
///
/// # Errors
/// When the workload's `setup` fails.
pub fn setup<W: Workload>(context: &str) -> Result<String, Failure> {
    W::setup(read(context, "the set-up context")?).map(|shared| write(&shared))
}

/// The context of a phase as the host has it: `shared` is the text that `setup` returned.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PhaseDocument {
    run_id: String,
    seed: u64,
    phase: String,
    shared: String,
    workload: serde_json::Value,
}

/// The phase's shared value as a document.
///
/// # Errors
/// When the workload's `setup_phase` fails, or the host's document cannot be read.
pub fn setup_phase<W: Workload>(context: &str) -> Result<String, Failure> {
    let PhaseDocument { run_id, seed, phase, shared, workload } = read(context, "the phase's context")?;
    let shared = read(&shared, "the shared value")?;
    W::setup_phase(PhaseContext { run_id, seed, phase, shared, workload }).map(|shared| write(&shared))
}

/// Makes the instance's virtual user.
///
/// # Errors
/// When the workload's `start` fails.
pub fn start<W: Workload>(slot: &Slot<W>, vu: VuInfo, shared: &str) -> Result<(), Failure> {
    let user = W::start(vu, read(shared, "the shared value")?)?;
    slot.replace(Some(user));
    Ok(())
}

/// Does one iteration of the instance's virtual user, and tells the host why it fails if it does.
///
/// # Errors
/// When the workload's `iterate` fails.
#[expect(clippy::result_unit_err, reason = "the contract's result: the reason goes to the host by an import")]
pub fn iterate<W: Workload>(slot: &Slot<W>, iteration: Iteration) -> Result<(), ()> {
    let done = match slot.borrow_mut().as_mut() {
        Some(user) => user.iterate(iteration),
        None => Err(Failure::setup("`iterate` was called before `start`")),
    };
    done.map_err(|Failure { code, message }| host::failures::tell(&code, &message))
}

/// Ends the instance's virtual user.
pub fn finish<W: Workload>(slot: &Slot<W>) {
    let user = slot.borrow_mut().take();
    if let Some(mut user) = user {
        user.finish();
    }
}

/// Cleans up after a phase.
///
/// # Errors
/// When the workload's `teardown_phase` fails.
pub fn teardown_phase<W: Workload>(shared: &str) -> Result<(), Failure> {
    W::teardown_phase(read(shared, "the shared value")?)
}

/// Cleans up after the load.
///
/// # Errors
/// When the workload's `teardown` fails.
pub fn teardown<W: Workload>(shared: &str) -> Result<(), Failure> {
    W::teardown(read(shared, "the shared value")?)
}

/// The analysis document. A summary that cannot be read yields one finding that says so.
pub fn analyze<W: Workload>(summary: &str) -> String {
    let mut analysis = match serde_json::from_str(summary) {
        Ok(summary) => W::analyze(summary),
        Err(error) => stresshost_plan::Analysis {
            findings: vec![stresshost_plan::Finding {
                rule: "summary-unreadable".to_owned(),
                severity: "info".to_owned(),
                message: "The plugin cannot read this host's summary, so it has no analysis.".to_owned(),
                evidence: error.to_string(),
                ..stresshost_plan::Finding::default()
            }],
            ..Default::default()
        },
    };
    ANALYSIS_SCHEMA.clone_into(&mut analysis.schema);
    write(&analysis)
}

fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::setup(format!("{what} cannot be read: {error}")))
}

/// A document's JSON. Documents that cannot be JSON, such as maps with keys that are no strings, become `null`, which
/// the host refuses with a message of its own.
fn write<T: Serialize + ?Sized>(document: &T) -> String {
    serde_json::to_string(document).unwrap_or_else(|_| "null".to_owned())
}
