//! The count in the summary is the server's own, exactly.

use stresshost_metrics::Summary;
use stresshost_shop::{Counts, Faults};
use stresshost_tests::Project;

use crate::measure::{beside_others, expect_pass, measure, only, shop};
use crate::nginx::{FILE_BYTES, Nginx, Served};

const VUS: u64 = 50;

/// Bytes a head of the shop or nginx has at most.
const HEAD_BYTES: u64 = 1000;

fn load(project: &Project, url: &str) -> Summary {
    let _turn = beside_others();
    let (finished, summary) = measure(project, &[url, "--vus", "50", "--duration", "2s"]);
    expect_pass(&finished, &summary);
    let operation = only(&summary);
    assert!(operation.count > VUS, "{operation:?}");
    assert_eq!(operation.failed(), 0, "{operation:?}");
    assert_eq!(operation.statuses, [("200".to_owned(), operation.count)].into());
    let [scenario] = summary.scenarios.as_slice() else { panic!("one scenario expected") };
    let iterations = scenario.iterations;
    assert_eq!((iterations.finished, iterations.dropped), (operation.count, 0), "one request an iteration");
    summary
}

/// Loads the shop; every answer has `body` bytes.
fn load_shop(path: &str, body: u64) -> (Summary, Counts) {
    let shop = shop(Faults::default());
    let summary = load(&Project::default(), &format!("http://{}{path}", shop.addr()));
    let counts = shop.counts();
    let operation = only(&summary);
    assert_eq!((operation.count, operation.count), (counts.requests, counts.responses));
    let each = operation.bytes.received / operation.count;
    // Every answer is the same, so that a wrong sum would hardly be a multiple.
    assert_eq!(operation.bytes.received % operation.count, 0);
    assert!((body..body + HEAD_BYTES).contains(&each), "{each} bytes for a body of {body}");
    assert_eq!(operation.bytes.sent % operation.count, 0);
    (summary, counts)
}

/// Connections made, as the summary tells.
fn connects(summary: &Summary) -> u64 {
    only(summary).phases_us.get("connect").map_or(0, |connect| connect.count)
}

#[test]
fn of_the_shop_with_keep_alive() {
    // A product is some hundred bytes of JSON.
    let (summary, counts) = load_shop("/products/1", 100);
    assert_eq!((counts.connections, connects(&summary)), (VUS, VUS), "one connection a user");
}

#[test]
fn of_the_shop_closing_each_connection() {
    let (summary, counts) = load_shop("/close/100", 100);
    assert_eq!((counts.connections, connects(&summary)), (counts.requests, counts.requests));
}

#[test]
fn of_the_shop_answering_in_chunks() {
    let (summary, counts) = load_shop("/chunked/5000", 5000);
    assert_eq!((counts.connections, connects(&summary)), (VUS, VUS), "one connection a user");
}

/// Loads nginx and holds the summary to its log, to the byte.
fn load_nginx(path: &str) -> Served {
    let project = Project::default();
    let nginx = Nginx::start(project.path());
    let summary = load(&project, &nginx.url(path));
    let served = nginx.stop();
    let operation = only(&summary);
    let told = Served {
        requests: operation.count,
        connections: connects(&summary),
        sent: operation.bytes.received,
        received: operation.bytes.sent,
    };
    assert_eq!(told, served);
    assert!(served.sent >= served.requests * FILE_BYTES as u64);
    served
}

#[test]
fn of_nginx_with_keep_alive() {
    assert_eq!(load_nginx("/file").connections, VUS);
}

#[test]
fn of_nginx_closing_each_connection() {
    let served = load_nginx("/close/file");
    assert_eq!(served.connections, served.requests);
}

#[test]
fn of_nginx_answering_in_chunks() {
    assert_eq!(load_nginx("/chunked/file").connections, VUS);
}
