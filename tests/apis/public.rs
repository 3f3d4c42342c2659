//! Large documents of real APIs: each is planned, and a server that answers nothing they promise ends no run.

use std::io::Read;
use std::path::Path;

use stresshost_tests::Project;

use crate::{contains, run};

/// Documents and the operations they have; `specs/README.md` says where they come from.
const DOCUMENTS: [(&str, usize); 4] =
    [("github", 966), ("jira", 499), ("digitalocean", 290), ("adyen-management", 132)];

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("apis/specs/{name}.json.gz"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn large_public_documents_are_planned_whole() {
    let component = stresshost_tests::plugin("apistress");
    for (name, operations) in DOCUMENTS {
        let project = Project::default();
        project.write("api.json", &document(name));
        let spec: serde_json::Value = serde_json::from_str(&document(name)).unwrap();
        let mut args = vec!["plan".to_owned(), "--plugin".into(), component.to_str().unwrap().into()];
        args.extend(
            ["http://127.0.0.1:9", "--schema-file", "api.json", "--methods", "all"].map(str::to_owned),
        );
        args.extend(["--test-types", "load,schema,contract,security"].map(str::to_owned));
        // Credentials for every scheme, so that no operation is left out for want of them.
        let schemes = spec["components"]["securitySchemes"].as_object().cloned().unwrap_or_default();
        for scheme in schemes.keys() {
            args.extend(["--auth".to_owned(), format!("{scheme}=user:secret")]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let finished = project.run(&args);
        finished.expect_exit(0);
        let told =
            finished.stdout.lines().find(|line| line.contains(" operations in turn")).unwrap_or_default();
        let planned: usize = told.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(0);
        let not_sent = finished.stdout.lines().filter(|line| line.contains("not sent: ")).count();
        assert!(!finished.stdout.contains("left out:"), "{name}: {}", finished.stdout);
        assert!(
            planned == operations || (not_sent > 0 && planned * 10 >= operations * 9),
            "{name}: {planned} of {operations} operations: {}",
            finished.stdout
        );
    }
}

#[test]
fn a_server_that_knows_nothing_of_a_document_ends_no_run() {
    let shop = stresshost_shop::Shop::start_in_thread(stresshost_shop::ShopConfig::default()).unwrap();
    let project = Project::default();
    project.write("api.json", &document("adyen-management"));
    let url = format!("http://{}", shop.addr());
    let load = [
        "--schema-file",
        "api.json",
        "--test-types",
        "load,schema",
        "--validate",
        "all",
        "--iterations",
        "300",
    ];
    let auth = ["--auth", "ApiKeyAuth=k", "--auth", "BasicAuth=u:p"];
    let finished = run(&project, &[&[url.as_str()][..], &load, &auth].concat());
    finished.expect_exit(10);
    let summary = project.summary("out");
    assert_eq!(summary.operations_done(), 300);
    assert!(!summary.findings.is_empty());
    contains(&finished.stdout, &["Conformance", "status_code_conformance"]);
}
