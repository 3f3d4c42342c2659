//! Plans and parameters, as the set-up has told them.

use stresshost_sdk::prelude::*;

use super::{head, put, told};
use crate::setup::told::{BETWEEN, MISJUDGED, PARAMETERS, SCAN};

/// What stands out of the plans.
pub(super) fn plans(summary: &Summary, analysis: &mut Analysis) {
    let mut table = head(&["statement", "what stands out", "evidence", "remedy"]);
    for one in told(summary, SCAN).chain(told(summary, MISJUDGED)) {
        table.push([one.location, one.message, one.evidence, one.remedy].map(str::to_owned).to_vec());
    }
    put(analysis, "Query plans", &["From EXPLAIN of each statement before the load."], table);
}

/// Which generator fills which parameter, and why.
pub(super) fn parameters(summary: &Summary, analysis: &mut Analysis) {
    let mut table = head(&["scenario", "parameter", "generator", "why"]);
    for one in told(summary, PARAMETERS) {
        for line in one.evidence.lines() {
            let cells: Vec<&str> = line.split(BETWEEN).collect();
            if let [parameter, by, why] = cells.as_slice() {
                table.push([one.location, parameter, by, why].map(str::to_owned).to_vec());
            }
        }
    }
    put(analysis, "Parameters", &["How the statements' parameters were filled."], table);
}
