//! What an author sees of a plugin from inside: its calls, and what it dies of.

use stresshost_tests::{Project, guest, rust_example};

use crate::project::{Author, shop};

#[test]
fn every_call_is_traced_with_its_arguments_and_time() {
    let (home, shop) = (Project::default(), shop());
    let component = rust_example("shopper");
    let url = format!("http://{}", shop.addr());
    let load =
        ["--iterations", "2", "--vus", "1", "--no-progress", "--trace-calls=calls.txt", "--out", "out"];
    home.run(&[&["run", "--plugin", component.to_str().unwrap(), &url], &load[..]].concat()).expect_exit(0);
    let calls = std::fs::read_to_string(home.path().join("calls.txt")).unwrap();
    let of = |function: &str| calls.lines().filter(|line| line.contains(&format!("s {function}("))).count();
    assert_eq!((of("http.prepare"), of("http.fire"), of("http.fire-with")), (3, 4, 2), "{calls}");
    assert_eq!((of("checks.mark"), of("random.below")), (2, 2), "{calls}");
    let fire = calls.lines().find(|line| line.contains("http.fire-with(")).unwrap();
    assert!(fire.contains("-> status 200 in ") && fire.ends_with("us"), "{fire}");
    let prepare = calls.lines().find(|line| line.contains("http.prepare(")).unwrap();
    assert!(prepare.contains("GET /products") && prepare.contains('…'), "cut to size: {prepare}");
}

#[test]
fn calls_go_to_standard_error_unless_a_file_is_named() {
    let (home, shop) = (Project::default(), shop());
    let component = rust_example("shopper");
    let url = format!("http://{}", shop.addr());
    let load = ["--trace-calls", "--iterations", "1", "--vus", "1", "--no-progress"];
    let run = home.run(&[&["run", "--plugin", component.to_str().unwrap(), &url], &load[..]].concat());
    run.expect_exit(0);
    assert!(run.stderr.contains("http.fire(request: "), "{}", run.stderr);
    let plain = home.run(&[&["run", "--plugin", component.to_str().unwrap(), &url], &load[1..]].concat());
    assert!(!plain.stderr.contains("http.fire("), "{}", plain.stderr);
}

#[test]
fn a_trace_that_cannot_be_written_is_a_wrong_argument() {
    let home = Project::default();
    let component = guest("ok");
    let run = home.run(&["run", "--plugin", component.to_str().unwrap(), "--trace-calls=/nowhere/calls.txt"]);
    run.expect_exit(2);
    assert!(run.stderr.contains("--trace-calls: cannot write `/nowhere/calls.txt`"), "{}", run.stderr);
}

/// Breaks one language's template in its iteration; what the run says of it.
fn fault(language: &str, file: &str, part: &str, by: &str) -> String {
    let author = Author::new(language);
    author.edit(file, part, by);
    let component = author.build();
    let shop = shop();
    let url = format!("http://{}/products", shop.addr());
    let load = ["--iterations", "1", "--vus", "1", "--no-progress", "--on-fault", "abort-run"];
    let run =
        author.stresshost(&[&["run", "--plugin", component.to_str().unwrap(), &url], &load[..]].concat());
    run.expect_exit(13);
    format!("{}{}", run.stdout, run.stderr)
}

#[test]
fn an_exception_of_python_shows_its_text_and_place() {
    let told = fault("python", "app.py", "response = self.request.fire()", "response = self.requests.fire()");
    assert!(told.contains("AttributeError") && told.contains("requests"), "{told}");
    assert!(told.contains("app.py\", line 16, in iterate"), "{told}");
    assert!(told.contains("broke 1 times in `iterate`: AttributeError: "), "{told}");
}

#[test]
fn an_exception_of_javascript_shows_its_text_and_place() {
    let told = fault("js", "src/app.js", "this.request.fire()", "this.requests.fire()");
    assert!(told.contains("fire") && told.contains("iterate"), "{told}");
}

#[test]
fn a_trap_of_c_shows_the_function() {
    let told = fault(
        "c",
        "app.c",
        "sh_answer_t answer = sh_fire(request);",
        "sh_answer_t answer = sh_fire(request);\n    if (sh_ok(answer)) abort();",
    );
    let place = told
        .split(" - iterate")
        .nth(1)
        .and_then(|rest| rest.lines().nth(1))
        .unwrap_or_else(|| panic!("{told}"));
    assert!(place.contains("app.c:23"), "{told}");
}

#[test]
fn a_slow_plugin_is_told_where_its_cpu_went() {
    let author = Author::new("c");
    let stir = "__attribute__((noinline)) static uint64_t stir(uint64_t hash) {\n    \
                for (uint64_t round = 0; round < 20000000; round++) hash = (hash ^ round) * 1099511628211u + (hash >> 7);\n    \
                return hash;\n}\n\nstatic bool iterate(";
    author.edit("app.c", "static bool iterate(", stir);
    author.edit("app.c", "sh_fire(request);", "stir(sh_random()) ? sh_fire(request) : 0;");
    let component = author.build();
    let shop = shop();
    let url = format!("http://{}/products", shop.addr());
    let load = ["--iterations", "20", "--vus", "1", "--no-progress", "--profile-guest"];
    let run =
        author.stresshost(&[&["run", "--plugin", component.to_str().unwrap(), &url], &load[..]].concat());
    run.expect_exit(0);
    let told = run.stderr.split("spent its CPU").nth(1).unwrap_or_else(|| panic!("{}", run.stderr));
    let first = told.lines().nth(1).unwrap();
    assert!(first.contains('%') && first.ends_with("stir"), "{told}");
}
