//! What the exported functions make of a workload.

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

    fn finish(&mut self) {
        log::write("info", format_args!("{} done", self.done));
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
    let user: Slot<Counting> = Slot::new(None);
    assert_eq!(guest::iterate(&user, Iteration::default()).unwrap_err().code, Failure::SETUP);
    guest::start(&user, VuInfo::default(), &shared).unwrap();
    assert_eq!(guest::iterate(&user, Iteration::default()), Ok(()));
    assert_eq!(guest::iterate(&user, Iteration::default()), Ok(()));
    assert_eq!(guest::iterate(&user, Iteration::default()).unwrap_err().code, "limit");
    guest::finish(&user);
    guest::finish(&user);
    assert_eq!(host.logs(), [("info".to_owned(), "3 done".to_owned())]);
    assert_eq!(guest::teardown::<Counting>(&shared), Ok(()));
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
