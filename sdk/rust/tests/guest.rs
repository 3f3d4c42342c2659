//! What the exported functions make of a workload.

use stresshost_sdk::documents::{LimitScope, Pause, Phase, RateLimit, Threshold};
use stresshost_sdk::guest::{self, Package, Slot};
use stresshost_sdk::log;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{self, Value, json};
use stresshost_sdk::testing::FakeHost;

const PACKAGE: Package = Package { name: "counting", version: "1.2.3", summary: "Counts" };

/// Counts its iterations up to the shared limit.
#[derive(Default)]
struct Counting {
    limit: u64,
    done: u64,
}

impl Workload for Counting {
    type Shared = u64;

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        match input.args.as_slice() {
            [] => Err(vec![Problem::new("LIMIT", "is missing"), Problem::new("", "nothing to do")]),
            [limit, ..] => Ok(Plan { workload: limit.parse().unwrap_or(0_u64).into(), ..Plan::default() }),
        }
    }

    fn start(_: VuInfo, limit: u64) -> Result<Self, Failure> {
        if limit == 0 { Err(Failure::setup("no limit")) } else { Ok(Self { limit, done: 0 }) }
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        self.done += 1;
        if self.done > self.limit { Err(Failure::new("limit", "too many")) } else { Ok(()) }
    }

    fn setup_phase(context: PhaseContext<u64>) -> Result<u64, Failure> {
        match context.phase.as_str() {
            "forbidden" => Err(Failure::new("phase", format!("{} of {}", context.run_id, context.workload))),
            "generous" => Ok(context.shared * 10),
            _ => Ok(context.shared),
        }
    }

    fn finish(&mut self) {
        log::write("info", format_args!("{} done", self.done));
    }

    fn teardown_phase(shared: u64) -> Result<(), Failure> {
        log::write("info", format_args!("phase of {shared} done"));
        Ok(())
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a document is JSON")
}

#[test]
fn descriptor_is_filled_in_from_the_package() {
    let descriptor = parse(&guest::describe::<Counting>(PACKAGE));
    assert_eq!(descriptor["schema"], "stresshost.descriptor/1");
    assert_eq!(descriptor["name"], "counting");
    assert_eq!(descriptor["version"], "1.2.3");
    assert_eq!(descriptor["summary"], "Counts");
}

#[test]
fn plans_and_problems_are_documents() {
    let plan = parse(&guest::plan::<Counting>(r#"{"schema": "", "args": ["7"]}"#).unwrap());
    assert_eq!((&plan["schema"], &plan["workload"]), (&json!("stresshost.plan/1"), &json!(7)));
    let problems = parse(&guest::plan::<Counting>(r#"{"schema": ""}"#).unwrap_err());
    assert_eq!(problems.as_array().map(Vec::len), Some(2));
    assert_eq!(problems[0], json!({"path": "LIMIT", "message": "is missing"}));
    let unreadable = parse(&guest::plan::<Counting>("{").unwrap_err());
    assert!(unreadable[0]["message"].as_str().unwrap().contains("cannot be read"));
}

#[test]
fn a_life_from_setup_to_teardown() {
    let host = FakeHost::new();
    let shared = guest::setup::<Counting>(r#"{"run_id": "r", "seed": 1, "workload": 2}"#).unwrap();
    assert_eq!(shared, "2");
    let context = json!({"run_id": "r", "seed": 1, "phase": "", "shared": shared, "workload": 2}).to_string();
    let shared = guest::setup_phase::<Counting>(&context).unwrap();
    assert_eq!(shared, "2");
    let user: Slot<Counting> = Slot::new(None);
    assert_eq!(guest::iterate(&user, Iteration::default()), Err(()));
    guest::start(&user, VuInfo::default(), &shared).unwrap();
    assert_eq!(guest::iterate(&user, Iteration::default()), Ok(()));
    assert_eq!(guest::iterate(&user, Iteration::default()), Ok(()));
    assert_eq!(guest::iterate(&user, Iteration::default()), Err(()));
    let told: Vec<String> = host.failures().into_iter().map(|failure| failure.code).collect();
    assert_eq!(told, [Failure::SETUP, "limit"], "the host is told why, once for each that failed");
    guest::finish(&user);
    guest::finish(&user);
    assert_eq!(guest::teardown_phase::<Counting>(&shared), Ok(()));
    let logs: Vec<String> = host.logs().into_iter().map(|(_, text)| text).collect();
    assert_eq!(logs, ["3 done", "phase of 2 done"]);
    assert_eq!(guest::teardown::<Counting>(&shared), Ok(()));
}

/// A workload that says nothing of phases.
#[derive(Default)]
struct Plain;

impl Workload for Plain {
    type Shared = Vec<u8>;

    fn plan(_: PlanInput) -> Result<Plan, Problems> {
        let scenario = Scenario::new("a", LoadFlags::default().executor("", &mut Vec::new()));
        let paced = Scenario { pause: Some(Pause::Pacing { interval_ms: 5 }), ..scenario };
        Ok(Plan {
            requires: vec!["limits".to_owned()],
            scenarios: vec![paced],
            phases: vec![Phase::new("one")],
            limits: vec![RateLimit {
                name: "all".to_owned(),
                rate_per_s: 5.0,
                burst: 1,
                scope: LimitScope::Global,
            }],
            thresholds: vec![Threshold::new("errors.rate < 1%")],
            ..Plan::default()
        })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn a_phase_can_change_what_its_users_share() {
    let context = |phase: &str, shared: &str| json!({"phase": phase, "shared": shared}).to_string();
    assert_eq!(guest::setup_phase::<Counting>(&context("generous", "7")).unwrap(), "70");
    let refused =
        json!({"run_id": "r", "seed": 3, "phase": "forbidden", "shared": "7", "workload": [1]}).to_string();
    assert_eq!(guest::setup_phase::<Counting>(&refused).unwrap_err().message, "r of [1]");
    assert_eq!(guest::setup_phase::<Plain>(&context("any", "[1,2]")).unwrap(), "[1,2]");
    assert_eq!(guest::teardown_phase::<Plain>("[1,2]"), Ok(()));
    assert_eq!(guest::teardown_phase::<Plain>("x").unwrap_err().code, Failure::SETUP);
    for unreadable in ["", "{", &context("any", "x"), r#"{"shared": 5}"#] {
        assert_eq!(guest::setup_phase::<Plain>(unreadable).unwrap_err().code, Failure::SETUP, "{unreadable}");
    }
}

#[test]
fn a_plan_names_what_an_older_host_must_not_ignore() {
    let plan = parse(&guest::plan::<Plain>(r#"{"schema": ""}"#).unwrap());
    assert_eq!(plan["requires"], json!(["limits", "phases", "thresholds", "pause"]));
    let plain = parse(&guest::plan::<Counting>(r#"{"schema": "", "args": ["7"]}"#).unwrap());
    assert_eq!(plain["requires"], json!([]));
}

#[test]
fn what_cannot_be_read_is_a_failure() {
    let failure = guest::setup::<Counting>(r#"{"workload": "many"}"#).unwrap_err();
    assert!(failure.message.contains("not what `setup` expects"), "{failure}");
    assert_eq!(guest::setup::<Counting>("").unwrap_err().code, Failure::SETUP);
    let user: Slot<Counting> = Slot::new(None);
    assert_eq!(guest::start(&user, VuInfo::default(), "x").unwrap_err().code, Failure::SETUP);
    assert_eq!(guest::start(&user, VuInfo::default(), "0").unwrap_err().message, "no limit");
    assert!(guest::teardown::<Counting>("x").is_err());
}

#[test]
fn an_unreadable_summary_is_a_finding() {
    let analysis = parse(&guest::analyze::<Counting>("{}"));
    assert_eq!(analysis["schema"], "stresshost.analysis/1");
    assert_eq!(analysis["findings"][0]["rule"], "summary-unreadable");
}
