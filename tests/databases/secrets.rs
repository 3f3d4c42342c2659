//! Passwords of databases are shown nowhere.

use std::path::Path;

use stresshost_servers::{PASSWORD, Postgres};
use stresshost_tests::Project;

use crate::run;

/// Every file below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_password_on_the_command_line_is_in_no_output_and_no_file() {
    let server = Postgres::shared();
    let url = server.url(&server.database(""));
    let project = Project::default();
    let args = [url.as_str(), "SELECT $1::int", "5", "--vus", "1", "--iterations", "3"];
    let finished = run(&project, "sql_select", &args);
    finished.expect_exit(0);
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    let files = files(&project.path().join("out"));
    assert!(files.len() > 3);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(PASSWORD), "`{}` holds the password:\n{text}", file.display());
    }
    let component = stresshost_tests::guest("sql_select");
    let shown = project.run(&[&["plan", "--plugin", component.to_str().unwrap()], &args[..]].concat());
    shown.expect_exit(0);
    assert!(!shown.stdout.contains(PASSWORD), "{}", shown.stdout);
}

#[test]
fn a_secret_is_filled_in_and_never_shown() {
    let server = Postgres::shared();
    let url = server.url(&server.database("")).replace(PASSWORD, "{{secret:password}}");
    let origin = format!("postgresql://127.0.0.1:{}", server.port());
    let project = Project::default();
    let secret = project.write("password", PASSWORD);
    let secret = format!("password@{origin}=file:{}", secret.display());
    let args = [url.as_str(), "SELECT $1::int", "5", "--vus", "1", "--iterations", "3", "--secret", &secret];
    run(&project, "sql_select", &args).expect_exit(0);
    assert_eq!(crate::operation(&project.summary("out"), "select").count, 3);
}
