//! Nothing, `--help`, `completions`.

use stresshost_tests::Project;

#[test]
fn no_arguments_show_the_help_on_standard_error() {
    let project = Project::default();
    let (bare, asked) = (project.run(&[]), project.run(&["--help"]));
    bare.expect_exit(2);
    asked.expect_exit(0);
    assert_eq!((bare.stdout.as_str(), &bare.stderr), ("", &asked.stdout));
    assert_shown!(asked, @r#"
    exit: 0
    --- stdout
    Load and validation host whose workloads are sandboxed WebAssembly components

    Usage: stresshost <COMMAND>

    Commands:
      run          Run a workload: stresshost run --plugin NAME|FILE [plugin's arguments]
      plan         Print what `run` with the same arguments would do, and run nothing
      report       Render a run again from its run directory, even one that was killed
      replay       Run a recorded run again: the same plan, seed, plugins, grants and limits, into a new
                   run directory
      ctl          Watch and steer a run that goes on
      compare      Tell whether two runs differ, by how much, and how sure that is
      plugin       Add, update, look at, trust and publish plugins
      demo         Load a shop that runs inside this process, and show the result
      new          Make a plugin's project, with the SDK, the contract, a test and how to build it
      dev          Build and test a plugin's project whenever one of its files changes; Ctrl-C ends
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit codes:
        0  pass                                    11  inconclusive: not enough data
        1  internal error, or result not written   12  invalid: the generator was the bottleneck
        2  wrong usage, config or plugin file      13  the plugin broke
        3  set-up failed or target unreachable     14  a capability was denied
       10  checks or thresholds failed, or a       15  not verified: a number is not true, or
           regression was found                       a plugin is not the recorded one
                                                130  interrupted
    --- stderr
    "#);
}

#[test]
fn a_group_without_its_command_shows_the_groups_help() {
    assert_shown!(Project::default().run(&["plugin"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    Add, update, look at, trust and publish plugins

    Usage: stresshost plugin <COMMAND>

    Commands:
      add      Choose a version of a plugin, fetch and verify it, and pin it in stresshost.lock
      update   Move pinned plugins to the newest versions that their requirements allow
      remove   Take a plugin out of stresshost.lock
      list     List the plugins of the plugin directories, and those that stresshost.lock pins
      inspect  Print what a plugin is, what it imports and what it asks for
      prune    Remove fetched plugins that no lock file pins any more
      search   List the plugins of the registries whose names contain a text
      info     Show the versions of a plugin: whether they run here, what they ask for, who signed them,
               which is chosen
      trust    Say whose signatures count
      verify   Check signatures: of every pinned plugin in the store, or of a file
      keygen   Make a pair of keys to sign with: FILE.key stays secret, FILE.pub is given to users
      sign     Sign a component as a name and the version it says it has; writes FILE.minisig
      publish  Publish a component in a registry, under the version it says it has
      yank     Mark a published version as not to be chosen any more; lock files that pin it go on
      build    Build the plugin of a project, with the commands of its stresshost.yaml
      check    Check that this host can run a plugin, and say what would make it better
      test     Run a plugin against a mock of its target, and check what it does
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help

    Use:      add, update, remove, list, inspect, prune
    Look:     search, info
    Trust:    trust, verify
    Publish:  keygen, sign, publish, yank
    Write:    build, check, test; see also `stresshost new` and `stresshost dev`

    A plugin of a registry is NAMESPACE:NAME. What runs is pinned in stresshost.lock. Registries and
    trusted keys are listed in registries.yaml and trust.yaml in ~/.config/stresshost.
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a snapshot")]
fn help_of_run_without_a_plugin() {
    assert_shown!(Project::default().run(&["run", "--help"]), @r#"
    exit: 0
    --- stdout
    Run a workload: stresshost run --plugin NAME|FILE [plugin's arguments]

    Usage: stresshost run [OPTIONS]

    Options:
          --plugin <NAME|FILE>        The workload: a .wasm file, a plugin's name,
                                      NAMESPACE:NAME[@VERSION] or oci://HOST/NAMESPACE/NAME:VERSION
          --config <FILE>             Config of the workload, YAML or JSON
          --set <PATH=VALUE>          Set a value of the config, such as `scenarios[0].users=50`
          --seed <N>                  Seed of every random choice [default: a new one, printed and
                                      recorded]
          --threshold <EXPR>          What must hold, such as `http.response_us.p95 < 300ms` or
                                      `errors<1%, abort after 10s`
          --limit <[WHAT=]RATE>       Rate limit: of everything, of a scenario, or of a
                                      scheme://host:port
          --guest-limit <NAME=VALUE>  Change a limit of the sandbox, such as `memory=256MiB`,
                                      `compute=30s` or `log-lines=0`; a wrong name lists them all
          --on-fault <POLICY>         When a plugin breaks: restart-vu[:FAULTS] (and stop it after so
                                      many), stop-plugin or abort-run [default: restart-vu:100]
          --secret <NAME=SOURCE>      Let requests carry a value the workload never sees, as
                                      `{{secret:NAME}}`: from env:VARIABLE, file:PATH or
                                      command:COMMAND; NAME@TARGET=SOURCE sends it there only
          --allow <TARGET>            Let the workload reach a target: scheme://host:port, `*` for any
                                      part
          --out <DIR>                 Run directory [default: stresshost-out/<id>]
          --output-format <LIST>      Reports to write into the run directory:
                                      text,json,html,junit,sarif [default: json,html]
          --report-file <FILE>        Also write a report here, by extension: .txt, .json, .html, .xml,
                                      .sarif
          --json                      Print the summary as JSON instead of the text report
          --no-progress               Show no progress
      -q, --quiet                     Print results and errors only
          --cores <N>                 Cores to generate load on [default: all]
          --ignore-capacity           Run although this machine has too little of something the plan
                                      needs
          --resolve <RULE>            Connect elsewhere: name:port=address:port
          --insecure                  Accept any TLS certificate
          --ca <FILE>                 Trust the certificates in a PEM file
          --client-cert <FILE>        Show the certificate in a PEM file to servers that ask who the
                                      client is
          --client-key <FILE>         The private key of --client-cert, if that file does not hold it
          --trace-calls[=<FILE>]      Write every call the plugin makes of the host, with arguments cut
                                      to size and times, to standard error or =FILE; for few users
          --profile-guest             Say at the end which functions of the plugin its CPU went to
          --stream <SPEC>             Send a snapshot a second to jsonl:FILE|-, csv:FILE|-,
                                      prometheus:ADDR:PORT (to be scraped), prometheus-rw:URL (remote
                                      write) or otlp:URL
          --stream-header <HEADER>    Header of every request of the streams, such as 'x-api-key: KEY'
          --control <ADDRESS>         Serve live control over HTTP as well, at 127.0.0.1:PORT with a
                                      token
      -h, --help                      Print help

    Where plugins come from:
          --registry <LOCATION>  Ask this registry instead of the configured ones: a directory or
                                 oci://HOST[/PREFIX]
          --locked               Run only what stresshost.lock pins, and do not change it
          --offline              Ask no registry: the lock file and the store must suffice
          --allow-unsigned       Accept a plugin of a registry that nobody has signed; the lock file
                                 records it
          --accept               Give a new version of a pinned plugin what it asks for beyond the old
                                 one

    Find the highest rate:
          --find-max                Search for the highest rate that meets the --slo, by runs at
                                    different rates
          --slo <EXPR>              What each run must meet, such as `p99<200ms`; may be repeated
          --find-from <RATE>        Rate of the first run [default: the plan's, else 100/s]
          --find-most <RATE>        Highest rate tried [default: 1000000/s]
          --find-step <DURATION>    Length of each run, a fifth of it warm-up [default: 10s]
          --find-precision <SHARE>  How near to the limit the search goes [default: 5%]

    A plugin's own arguments: stresshost run --plugin NAME --help

    Exit codes:
        0  pass                                    11  inconclusive: not enough data
        1  internal error, or result not written   12  invalid: the generator was the bottleneck
        2  wrong usage, config or plugin file      13  the plugin broke
        3  set-up failed or target unreachable     14  a capability was denied
       10  checks or thresholds failed, or a       15  not verified: a number is not true, or
           regression was found                       a plugin is not the recorded one
                                                130  interrupted
    --- stderr
    "#);
}

#[test]
fn help_of_run_with_a_plugin_shows_the_plugins_flags() {
    let project = Project::default();
    let help = project.run(&["run", "--plugin", "devstress", "--help"]);
    help.expect_exit(0);
    for part in [
        "Usage: stresshost run [OPTIONS] [URL]\n",
        "Workload:\n      --vus <N|auto>",
        "[alias: --users]",
        "-H, --header <'NAME: VALUE'>",
        "Examples:\n  devstress http://",
        "--config <FILE>",
        "Exit codes:\n",
    ] {
        assert!(help.stdout.contains(part), "`{part}` is not in:\n{}", help.stdout);
    }
    assert_eq!(project.run(&["devstress", "--help"]).stdout, help.stdout, "the short form is the same");
    let short = project.run(&["run", "--plugin", "devstress", "-h"]);
    short.expect_exit(0);
    assert!(
        short.stdout.lines().count() < help.stdout.lines().count() && short.stdout.contains("--vus <N|auto>")
    );
}

/// Exit codes are a promise to scripts.
#[test]
fn the_help_lists_every_exit_code() {
    let help = Project::default().run(&["--help"]).stdout;
    let table = help.split_once("Exit codes:\n").unwrap().1;
    let mut codes: Vec<u8> = table.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 130]);
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let project = Project::default();
    for (shell, start) in [("bash", "_stresshost()"), ("zsh", "#compdef stresshost"), ("fish", "# Print")] {
        let script = project.run(&["completions", shell]);
        script.expect_exit(0);
        assert!(script.stdout.starts_with(start), "{shell}: {}", &script.stdout[..80]);
        assert!(script.stdout.contains("plugin"));
    }
    assert_shown!(project.run(&["completions", "tcsh"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value 'tcsh' for '<shell>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    "#);
}

#[test]
fn version() {
    let version = Project::default().run(&["--version"]);
    assert_eq!(version.expect_exit(0).stdout, format!("stresshost {}\n", env!("CARGO_PKG_VERSION")));
}
