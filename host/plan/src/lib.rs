//! The documents of the control plane: what a plugin says of itself, what it is given, what it plans and concludes.
//!
//! This crate is pure: no clock, no files, no threads. JSON Schemas of its documents are in `host/plan/schema/`.

mod analysis;
mod descriptor;
mod grants;
mod input;
mod limits;
mod plan;
mod problem;
mod units;
mod validate;
pub mod yaml;

pub use analysis::{ANALYSIS_SCHEMA, Analysis, Finding, Recommendation, Section};
pub use descriptor::{Asks, DESCRIPTOR_SCHEMA, Descriptor, Example, Flag, Positional, ValueKind};
pub use grants::{PatternError, TargetPattern};
pub use input::{PLAN_INPUT_SCHEMA, PlanInput};
pub use limits::*;
pub use plan::{
    ConstantArrivalRate, ConstantVus, Executor, Feed, FeedOrder, HttpOptions, PLAN_SCHEMA, Plan, Scenario,
};
pub use problem::Problem;
pub use units::{
    DurationText, RateText, UnitError, format_duration_ms, parse_bytes, parse_duration_ms, parse_rate,
};

/// File names and texts of the JSON Schemas in `host/plan/schema/`, written there by `cargo xtask generate`.
pub fn schemas() -> Vec<(&'static str, String)> {
    let text = |schema: schemars::Schema| format!("{:#}\n", schema.to_value());
    vec![
        ("descriptor.schema.json", text(schemars::schema_for!(Descriptor))),
        ("plan-input.schema.json", text(schemars::schema_for!(PlanInput))),
        ("plan.schema.json", text(schemars::schema_for!(Plan))),
        ("analysis.schema.json", text(schemars::schema_for!(Analysis))),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn checked_in_schemas_are_fresh() {
        for (name, text) in super::schemas() {
            let path = format!("{}/schema/{name}", env!("CARGO_MANIFEST_DIR"));
            let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(checked_in == text, "{name} is stale: run `cargo xtask generate`");
        }
    }
}
