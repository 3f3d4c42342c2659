//! `stresshost demo`

use clap::ArgMatches;
use stresshost_shop::{Shop, ShopConfig};

use crate::args;
use crate::exit::{Exit, coded};
use crate::printer::Printer;

/// Journeys of the demo: what visitors of a shop do.
const JOURNEYS: &str = include_str!("demo.yaml");

/// Starts a shop in this process and runs DevStress against it.
pub(super) fn demo(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let shop =
        Shop::start_in_thread(ShopConfig::default()).map_err(|error| coded(Exit::Unreachable, error))?;
    let target = format!("http://{}", shop.addr());
    printer.note(&format!(
        "a shop to load runs in this process at {target}: what the generator used includes it"
    ));
    let directory = tempdir()?;
    let journeys = directory.join("demo.yaml");
    std::fs::write(&journeys, JOURNEYS)?;
    let mut argv = vec![target, "--scenarios".to_owned(), journeys.display().to_string()];
    for name in ["duration", "out", "output-format"] {
        let values = args::texts(matches, name);
        if !values.is_empty() {
            argv.extend([format!("--{name}"), values.join(",")]);
        }
    }
    args::texts(matches, "report-file")
        .into_iter()
        .for_each(|file| argv.extend(["--report-file".to_owned(), file]));
    for name in ["json", "no-progress", "quiet"] {
        if args::is_set(matches, name) {
            argv.push(format!("--{name}"));
        }
    }
    if let Some(seed) = matches.get_one::<u64>("seed") {
        argv.extend(["--seed".to_owned(), seed.to_string()]);
    }
    let result = super::run_named("devstress", &argv, printer);
    drop(std::fs::remove_dir_all(&directory));
    result
}

fn tempdir() -> std::io::Result<std::path::PathBuf> {
    let directory = std::env::temp_dir().join(format!("stresshost-demo-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}
