//! The same exact counts over TLS, HTTP/2, unix sockets and IPv6.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use stresshost_metrics::{OperationSummary, Summary};
use stresshost_shop::{Faults, Shop, ShopConfig, ShopHandle};
use stresshost_tests::Project;

use crate::measure::{beside_others, expect_pass, expect_unreachable, measure, only, shop};
use crate::relay::{Certificates, HTTP1_GET, HTTP2, Relay};

const VUS: u64 = 8;

/// Loads `url` with these arguments and holds the count to the shop's.
fn load(project: &Project, shop: &ShopHandle, url: &str, args: &[&str]) -> Summary {
    let load = [url, "--vus", "8", "--duration", "1s"];
    let _turn = beside_others();
    let (finished, summary) = measure(project, &[&load, args].concat());
    expect_pass(&finished, &summary);
    let (operation, counts) = (only(&summary), shop.counts());
    assert!(operation.count > VUS, "{operation:?}");
    assert_eq!((operation.count, operation.count), (counts.requests, counts.responses));
    assert_eq!(operation.statuses, [("200".to_owned(), operation.count)].into());
    assert_eq!(counts.connections, VUS, "one connection a user");
    summary
}

fn happened(operation: &OperationSummary, phase: &str) -> u64 {
    operation.phases_us.get(phase).map_or(0, |times| times.count)
}

/// Loads the shop through TLS that offers `protocols`.
fn load_tls(protocols: &[&str], args: &[&str]) -> (Summary, Relay) {
    let (shop, project, certificates) = (shop(Faults::default()), Project::default(), Certificates::make());
    let relay = Relay::start(shop.addr(), Some(certificates.acceptor(protocols)));
    project.write("ca.pem", &certificates.ca_pem);
    let url = format!("https://{}/products/1", relay.addr());
    let summary = load(&project, &shop.handle(), &url, &[&["--ca", "ca.pem"], args].concat());
    assert_eq!(happened(only(&summary), "tls"), VUS, "one handshake a user");
    (summary, relay)
}

#[test]
fn tls_with_an_authority_of_ones_own() {
    let (_, relay) = load_tls(&["http/1.1"], &[]);
    assert_eq!(relay.spoken(), [(HTTP1_GET.to_owned(), VUS)].into());
}

#[test]
fn http2_chosen_by_the_server() {
    let (_, relay) = load_tls(&["h2", "http/1.1"], &[]);
    assert_eq!(relay.spoken(), [(HTTP2.to_owned(), VUS)].into());
}

#[test]
fn http1_although_the_server_would_speak_http2() {
    let (_, relay) = load_tls(&["h2", "http/1.1"], &["--http-version", "1"]);
    assert_eq!(relay.spoken(), [(HTTP1_GET.to_owned(), VUS)].into());
}

#[test]
fn http2_without_tls() {
    let shop = shop(Faults::default());
    let relay = Relay::start(shop.addr(), None);
    let url = format!("http://{}/products/1", relay.addr());
    let summary = load(&Project::default(), &shop.handle(), &url, &["--http-version", "2"]);
    assert_eq!(relay.spoken(), [(HTTP2.to_owned(), VUS)].into());
    assert_eq!(happened(only(&summary), "tls"), 0);
}

#[test]
fn a_certificate_nobody_vouches_for_is_refused() {
    let (shop, certificates) = (shop(Faults::default()), Certificates::make());
    let relay = Relay::start(shop.addr(), Some(certificates.acceptor(&[])));
    let url = format!("https://{}/products/1", relay.addr());
    let _turn = beside_others();
    let (finished, summary) =
        measure(&Project::default(), &[&url, "--rate", "40", "--vus", "4", "--duration", "500ms"]);
    expect_unreachable(&finished, &summary);
    assert_eq!(only(&summary).errors, [("tls".to_owned(), 20)].into());
    assert_eq!((shop.counts().requests, relay.spoken()), (0, [].into()));
}

#[test]
fn a_server_that_asks_is_shown_the_clients_certificate() {
    let (shop, project, certificates) = (shop(Faults::default()), Project::default(), Certificates::make());
    let relay = Relay::start(shop.addr(), Some(certificates.for_members()));
    let url = format!("https://{}/products/1", relay.addr());
    let [certificate, key] = &certificates.client_pem;
    project.write("ca.pem", &certificates.ca_pem);
    project.write("client.pem", certificate);
    project.write("client.key", key);
    let own = ["--ca", "ca.pem", "--client-cert", "client.pem", "--client-key", "client.key"];
    load(&project, &shop.handle(), &url, &own);
    let _turn = beside_others();
    let replayed = project.run(&["replay", "out", "--out", "again"]);
    let again = project.summary("again");
    expect_pass(&replayed, &again);
    assert_eq!(only(&again).failed(), 0);

    let (before, elsewhere) = (shop.counts().requests, Project::default());
    elsewhere.write("ca.pem", &certificates.ca_pem);
    let stranger = [&url, "--rate", "40", "--vus", "4", "--duration", "500ms", "--ca", "ca.pem"];
    let (finished, summary) = measure(&elsewhere, &stranger);
    expect_unreachable(&finished, &summary);
    assert_eq!(only(&summary).errors, [("tls".to_owned(), 20)].into());
    assert!(finished.stdout.contains("CertificateRequired"), "{}", finished.stdout);
    assert_eq!(shop.counts().requests, before);
}

#[test]
fn a_unix_socket() {
    let project = Project::default();
    let path = project.path().join("shop.sock");
    let config = ShopConfig { unix_socket: Some(path.clone()), ..ShopConfig::default() };
    let shop = Shop::start_in_thread(config).expect("start the shop");
    let host = path.to_str().expect("UTF-8 path").replace('/', "%2F");
    let summary = load(&project, &shop.handle(), &format!("http+unix://{host}/products/1"), &[]);
    assert_eq!(happened(only(&summary), "lookup"), 0, "there is no name to look up");
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that tests less must say so")]
fn ipv6() {
    let project = Project::default();
    let addr = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    match TcpListener::bind(addr) {
        Ok(_) => {
            let shop =
                Shop::start_in_thread(ShopConfig { addr, ..ShopConfig::default() }).expect("start the shop");
            load(&project, &shop.handle(), &format!("http://{}/products/1", shop.addr()), &[]);
        }
        Err(error) => {
            // Shown with `--nocapture`, and whenever the test fails.
            eprintln!("THIS MACHINE HAS NO IPv6 LOOPBACK ({error}): only the error is tested");
            let _turn = beside_others();
            let args = ["http://[::1]:1/", "--rate", "20", "--vus", "2", "--duration", "500ms"];
            let (finished, summary) = measure(&project, &args);
            expect_unreachable(&finished, &summary);
            assert_eq!(only(&summary).errors, [("connect".to_owned(), 10)].into());
        }
    }
}
