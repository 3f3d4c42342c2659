//! The documents of the control plane: what a plugin says of itself, what it is given, what it plans and concludes.
//!
//! This crate is pure: no clock, no files, no threads. JSON Schemas of its documents are in `host/plan/schema/`.

mod analysis;
mod criteria;
mod describe;
mod descriptor;
mod executor;
mod expression;
mod grants;
mod input;
mod limiter;
mod limits;
mod nearest;
mod phase;
mod plan;
mod problem;
mod requirements;
mod schedule;
mod text;
mod threshold;
mod units;
mod validate;
pub mod yaml;

pub use analysis::{ANALYSIS_SCHEMA, Analysis, Finding, Recommendation, Section};
pub use criteria::{criteria, criterion};
pub use descriptor::{Asks, DESCRIPTOR_SCHEMA, Descriptor, Example, Flag, Positional, ValueKind};
pub use executor::{
    ConstantArrivalRate, ConstantVus, Executor, ExternallyControlled, Iterations, MixShare,
    RampingArrivalRate, RampingVus, RateStage, Spacing, VuStage,
};
pub use expression::{
    Aggregate, Comparison, Expression, ExpressionError, ExpressionFault, GeneratorField, IterationField,
    Metric, OperationField, Tag, TagFilter,
};
pub use grants::{Breadth, PatternError, TargetPattern, may_lead_to};
pub use input::{DocumentFiles, PLAN_INPUT_SCHEMA, PlanInput};
pub use limiter::{LimitScope, RateLimit};
pub use limits::*;
pub use nearest::nearest;
pub use phase::{Part, Phase, PhaseWorkload};
pub use plan::{Feed, FeedOrder, HttpOptions, Mix, PLAN_SCHEMA, Pause, Plan, Scenario};
pub use problem::Problem;
pub use requirements::{PhaseRequirements, Requirements};
pub use schedule::{ONLY_PHASE, Schedule, ScheduledPhase, Stream};
pub use text::{is_hidden, plain_lines, plain_paragraph};
pub use threshold::{MetricDeclaration, Threshold};
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
