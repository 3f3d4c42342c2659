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

/// Items of the security tests that are named; of all of them when none is. Generated inputs are left out where the contract
/// has them anyhow.
pub(crate) fn security(
    operations: &[Operation],
    names: &[String],
    probing: &Probing,
    has_contract: bool,
) -> Vec<Item> {
    let mut items = Vec::new();
    let wanted = |test: &security::Test| {
        names.is_empty()
            || names.iter().any(|name| security::find(name).is_some_and(|found| found.name == test.name))
    };
    for test in security::TESTS.iter().filter(|test| wanted(test)) {
        for (index, operation) in tested(operations) {
            if security::applies(test, operation) {
                items.push(Item { operation: index, probe: Probe::Security(test.name.to_owned()) });
            }
        }
    }
    let is_wanted = names.is_empty() || names.iter().any(|name| name == DATA_VALIDATION);
    if is_wanted && !has_contract {
        for (index, operation) in tested(operations) {
            if probe::applies(probe::NEGATIVE, operation, probing) {
                items.push(Item { operation: index, probe: Probe::Conformance(probe::NEGATIVE.to_owned()) });
            }
        }
    }
    items
}

fn tested(operations: &[Operation]) -> impl Iterator<Item = (usize, &Operation)> {
    operations.iter().enumerate().filter(|(_, operation)| operation.is_tested)
}
