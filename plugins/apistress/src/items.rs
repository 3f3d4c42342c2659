//! What is probed, one item an iteration.

use crate::config::testing::DATA_VALIDATION;
use crate::document::{Item, Operation, Probe, Probing};
use crate::journeys::Journeys;
use crate::{probe, security};

/// Items of the contract: named scenarios first, then each check of conformance for each operation it can be made of.
pub(crate) fn contract(
    operations: &[Operation],
    journeys: &Journeys,
    probing: &Probing,
    has_baseline: bool,
) -> Vec<Item> {
    let named = journeys.scenarios.iter();
    let named = named.map(|(operation, named)| Item {
        operation: *operation,
        probe: Probe::Scenario(Box::new(named.clone())),
    });
    let mut items: Vec<Item> = named.collect();
    if has_baseline {
        items.push(Item { operation: 0, probe: Probe::Baseline });
    }
    for name in probe::NAMES {
        for (index, operation) in tested(operations) {
            if probe::applies(name, operation, probing) {
                items.push(Item { operation: index, probe: Probe::Conformance((*name).to_owned()) });
            }
        }
    }
    items
}

/// Items of the security tests that are named; of all of them when none is.
pub(crate) fn security(operations: &[Operation], names: &[String]) -> Vec<Item> {
    let mut items = Vec::new();
    let wanted = |test: &security::Test| {
        names.is_empty()
            || names.iter().any(|name| security::find(name).is_some_and(|found| found.name == test.name))
    };
    for test in security::TESTS.iter().filter(|test| wanted(test)) {
        for (index, operation) in tested(operations) {
            // Only where a caller must be let in can somebody get past that.
            let is_guarded = test.name != "authentication_bypass" || operation.auth_required;
            if is_guarded && security::applies(test, operation) {
                items.push(Item { operation: index, probe: Probe::Security(test.name.to_owned()) });
            }
        }
    }
    if names.is_empty() || names.iter().any(|name| name == DATA_VALIDATION) {
        for (index, operation) in tested(operations) {
            if probe::applies(probe::NEGATIVE, operation, &Probing::default()) {
                items.push(Item { operation: index, probe: Probe::Conformance(probe::NEGATIVE.to_owned()) });
            }
        }
    }
    items
}

fn tested(operations: &[Operation]) -> impl Iterator<Item = (usize, &Operation)> {
    operations.iter().enumerate().filter(|(_, operation)| operation.is_tested)
}
