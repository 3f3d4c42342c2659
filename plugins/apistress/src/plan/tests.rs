use stresshost_sdk::serde::Serialize;
use stresshost_sdk::serde_json::{self, Value, json};
use stresshost_sdk::testing;

use super::*;
use crate::document::{Meaning, Probe};

const CONFIG: &str = include_str!("../../../../examples/apistress/ecommerce_api_spec.yaml");

fn config() -> Value {
    stresshost_sdk::documents::yaml::Document::parse("ecommerce_api_spec.yaml", CONFIG).unwrap().into_value()
}

fn planned(args: &[&str], flags: Value, config: impl Serialize) -> Result<(Plan, Workload), Problems> {
    let plan = plan(&testing::input(args, flags, config))?;
    let workload = serde_json::from_value(plan.workload.clone()).unwrap();
    Ok((plan, workload))
}

#[test]
fn the_shop_config_becomes_phases_journeys_and_scenarios() {
    let flags = json!({ "test-types": "load,security,contract", "vus": 500, "duration": 300_000,
        "security-scan-depth": "deep", "real-time-dashboard": true });
    let (plan, workload) = planned(&["http://localhost:8080"], flags, config()).unwrap();
    let phases: Vec<&str> = plan.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(phases, ["load", "security", "contract"]);
    assert_eq!(plan.phases[2].depends_on, ["security"]);
    let Executor::ConstantVus(load) = &plan.mixes[0].executor else { panic!("{:?}", plan.mixes) };
    assert_eq!((load.vus, load.duration_ms, load.ramp_up_ms), (500, 300_000, 60_000));
    let users: Vec<&str> = plan.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(users, ["casual_browser", "active_shopper", "checkout_user", "security", "contract"]);
    let Work::Journey(journey) = &workload.scenarios[2] else { panic!("no journey") };
    let steps: Vec<&str> =
        journey.iter().map(|step| workload.operations[step.operation].name.as_str()).collect();
    assert_eq!(steps, ["GET /products/search", "POST /cart/add", "POST /cart/checkout"]);
    assert_eq!(journey[0].extract[0].variable, "product_id");
    let Work::Journey(journey) = &workload.scenarios[1] else { panic!("no journey") };
    let last = journey.last().unwrap();
    assert_eq!(
        workload.operations[last.operation].name, "GET /cart",
        "an action of a service without an endpoint"
    );
    let thresholds: Vec<&str> =
        plan.thresholds.iter().map(|threshold| threshold.expression.as_str()).collect();
    assert!(
        thresholds.contains(&"http.response_us{operation=\"GET /products/search\"}.p95 < 150ms"),
        "{thresholds:?}"
    );
    assert_eq!(thresholds.len(), 4, "those that the load reaches");
    let Work::Items(items) = &workload.scenarios[4] else { panic!("no items") };
    let named = items.iter().filter_map(|item| match &item.probe {
        Probe::Scenario(named) => Some((named.name.as_str(), named.meaning.unwrap(), named.before.len())),
        _ => None,
    });
    let named: Vec<_> = named.collect();
    assert_eq!(named.len(), 20, "{named:?}");
    assert!(named.contains(&("duplicate_user", Meaning::Duplicate, 0)));
    assert!(named.contains(&("inventory_shortage", Meaning::Shortage, 2)));
    let session = workload.session.unwrap();
    let names =
        [session.register, session.token].map(|index| workload.operations[index.unwrap()].name.clone());
    assert_eq!(names, ["POST /users/register", "POST /auth/token"]);
    let profile = workload.operations.iter().find(|one| one.name == "GET /users/{user_id}/profile").unwrap();
    assert!(profile.auth_required, "its scenarios ask for a refusal of strangers");
    assert_eq!(plan.targets, ["http://localhost:8080"]);
}

#[test]
fn what_cannot_be_derived_is_a_problem_until_it_is_defined() {
    let mut document = config();
    document["services"][0]["endpoints"][0]["test_scenarios"] = json!(["quantum_flux"]);
    document["test_configuration"]["load_testing"]["user_scenarios"][0]["actions"] = json!(["juggle"]);
    let problems = planned(&["http://h"], json!({}), &document).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let all = told.join("\n");
    for part in [
        "/services/0/endpoints/0/test_scenarios/0: nothing is known of the scenario `quantum_flux`",
        "/test_configuration/load_testing/user_scenarios/0/actions/0: no endpoint is like the action `juggle`",
    ] {
        assert!(all.contains(part), "`{part}` is not in:\n{all}");
    }
    document["scenario_definitions"] = json!({ "quantum_flux": { "request": { "body": { "a": 1 } }, "expected_status": 422, "before": ["juggle"] } });
    document["actions"] = json!({ "juggle": { "method": "POST", "path": "/juggle", "body": {} } });
    let (_, workload) = planned(&["http://h"], json!({}), &document).unwrap();
    let named = workload.scenarios.iter().find_map(|work| match work {
        Work::Items(items) => items.iter().find_map(|item| match &item.probe {
            Probe::Scenario(named) if named.name == "quantum_flux" => Some(named.clone()),
            _ => None,
        }),
        _ => None,
    });
    let named = named.unwrap();
    assert_eq!((named.statuses, named.before.len()), (vec![422], 1));
}

#[test]
fn a_document_and_a_config_are_put_together() {
    let spec = json!({ "openapi": "3.1.0", "paths": { "/a/{key}": { "get": {
        "parameters": [{ "name": "key", "in": "path", "required": true, "schema": { "type": "integer" }, "example": 7 }],
        "responses": { "200": { "content": { "application/json": { "schema": { "type": "object" } } } } } } } } });
    let config = json!({ "api_specification": { "base_url": "http://h/v1/" },
        "services": [{ "base_path": "/a", "endpoints": [{ "path": "/{id}", "method": "get" }] }] });
    let (_, workload) = planned(&[], json!({ "schema-file": spec }), config).unwrap();
    let operation = &workload.operations[0];
    assert_eq!((operation.name.as_str(), operation.answers.len()), ("GET /a/{id}", 1));
    let Work::Turn(requests) = &workload.scenarios[0] else { panic!("no requests") };
    assert_eq!(requests[0].url, "http://h/v1/a/7");
}

#[test]
fn every_request_has_the_headers_that_are_given() {
    let spec = json!({ "openapi": "3.1.0", "paths": { "/a": { "get": { "responses": {} } } } });
    let flags = json!({ "schema-file": spec, "header": ["X-Tenant: blue"], "test-types": "load,security" });
    let (_, workload) = planned(&["http://h"], flags, ()).unwrap();
    let wanted = ("X-Tenant".to_owned(), "blue".to_owned());
    let Work::Turn(requests) = &workload.scenarios[0] else { panic!("no requests") };
    assert!(requests[0].headers.contains(&wanted));
    let none = Variables::default();
    let probed = crate::case::Case::usual(&workload.operations[0], &none).call(None);
    assert!(probed.headers.contains(&wanted), "probes, too");
}

#[test]
fn generated_inputs_are_sent_once() {
    let parameter = json!({ "name": "n", "in": "query", "schema": { "type": "integer" } });
    let spec = json!({ "openapi": "3.1.0", "paths": { "/a": { "get": { "parameters": [parameter], "responses": {} } } } });
    let count = |types: &str| {
        let flags = json!({ "schema-file": spec.clone(), "test-types": types });
        let (_, workload) = planned(&["http://h"], flags, ()).unwrap();
        let items = workload.scenarios.iter().filter_map(|work| match work {
            Work::Items(items) => Some(items),
            _ => None,
        });
        let wanted = Probe::Conformance("negative_data_rejection".to_owned());
        items.flatten().filter(|item| item.probe == wanted).count()
    };
    assert_eq!([count("security"), count("contract"), count("security,contract")], [1, 1, 1]);
}

#[test]
fn tokens_need_accounts() {
    let config = json!({ "api_specification": { "base_url": "http://h",
            "authentication": { "type": "bearer_token", "token_endpoint": "/auth/token" } },
        "services": [{ "endpoints": [{ "path": "/a" }] }] });
    let problems = planned(&[], json!({}), &config).unwrap_err();
    assert!(problems[0].to_string().contains("nobody could log in at /auth/token"), "{problems:?}");
    let (_, workload) = planned(&[], json!({ "account": ["u:p", "v:q"] }), &config).unwrap();
    assert_eq!(workload.session.unwrap().users.len(), 2);
    let Work::Turn(requests) = &workload.scenarios[0] else { panic!("no requests") };
    assert_eq!(requests[0].slots, ["token"]);
}
