//! `stresshost plugin` and its subcommands.

use clap::{Arg, ArgAction, Command};

use super::{list, source_args, switch, trace_calls, value};

const GROUPS: &str = "\
Use:      add, update, remove, list, inspect, prune
Look:     search, info
Trust:    trust, verify
Publish:  keygen, sign, publish, yank
Write:    build, check, test; see also `stresshost new` and `stresshost dev`

A plugin of a registry is NAMESPACE:NAME. What runs is pinned in stresshost.lock. Registries and
trusted keys are listed in registries.yaml and trust.yaml in ~/.config/stresshost.";

const PROJECT: &str = "\
Without FILE, what stresshost.yaml says below `publish` need not be given: namespace, to, key,
documents, licenses. Its paths are relative to the project.";

pub(super) fn plugin_command() -> Command {
    Command::new("plugin")
        .about("Add, update, look at, trust and publish plugins")
        .after_help(GROUPS)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(use_commands())
        .subcommands(look_commands())
        .subcommands([trust_command(), verify_command()])
        .subcommands(publish_commands())
        .subcommands(write_commands())
}

fn name(help: &'static str) -> Arg {
    Arg::new("name").value_name("NAME").help(help)
}

/// A component to sign or publish.
fn file() -> Arg {
    Arg::new("file")
        .value_name("FILE")
        .help("The component, a .wasm file [default: that of this directory's project]")
}

fn use_commands() -> Vec<Command> {
    vec![
        Command::new("add")
            .about("Choose a version of a plugin, fetch and verify it, and pin it in stresshost.lock")
            .after_help(
                "Examples:\n  stresshost plugin add stress:apistress@^0.1 --registry oci://127.0.0.1:5000\n  \
                 stresshost plugin add oci://127.0.0.1:5000/stress/apistress:0.1.0",
            )
            .arg(name("The plugin: NAME, NAMESPACE:NAME, either with @VERSION, or oci://HOST/NAMESPACE/NAME:VERSION").required(true))
            .args(source_args()),
        Command::new("update")
            .about("Move pinned plugins to the newest versions that their requirements allow")
            .after_help("A version that asks for more than the pinned one needs --accept, or your answer at the terminal.")
            .arg(name("The plugin [default: all]"))
            .args(source_args()),
        Command::new("remove")
            .about("Take a plugin out of stresshost.lock")
            .arg(name("The plugin").required(true)),
        Command::new("list").about("List the plugins of the plugin directories, and those that stresshost.lock pins"),
        Command::new("inspect")
            .about("Print what a plugin is, what it imports and what it asks for")
            .arg(Arg::new("plugin").value_name("REFERENCE").required(true).help("The plugin, as `run --plugin` takes it"))
            .arg(switch("json", "Print its descriptor as JSON"))
            .args(source_args()),
        Command::new("prune")
            .about("Remove fetched plugins that no lock file pins any more")
            .arg(switch("all", "Remove all of them")),
    ]
}

fn look_commands() -> Vec<Command> {
    vec![
        Command::new("search")
            .about("List the plugins of the registries whose names contain a text")
            .arg(Arg::new("text").value_name("TEXT").help("Part of the name [default: every plugin]"))
            .args(source_args()),
        Command::new("info")
            .about("Show the versions of a plugin: whether they run here, what they ask for, who signed them, which is chosen")
            .arg(name("The plugin, with @VERSION to see why which version would be chosen").required(true))
            .args(source_args()),
    ]
}

fn trust_command() -> Command {
    let namespace = || {
        Arg::new("namespace")
            .value_name("NAMESPACE")
            .required(true)
            .help("What the key signs, such as `stress`")
    };
    Command::new("trust")
        .about("Say whose signatures count")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("add")
                .about("Pin a key for a namespace; get it from its owner, not from the registry")
                .arg(namespace())
                .arg(
                    Arg::new("key")
                        .value_name("KEY")
                        .required(true)
                        .help("A minisign public key, or a .pub file with one"),
                ),
        )
        .subcommand(
            Command::new("revoke")
                .about(
                    "Let a key's signatures count no longer, also those of plugins that are pinned already",
                )
                .arg(
                    Arg::new("id")
                        .value_name("ID")
                        .required(true)
                        .help("The key's id, 16 hexadecimal digits"),
                )
                .arg(value("reason", "TEXT", "Why; shown where a plugin is refused for it")),
        )
        .subcommand(Command::new("list").about("List the pinned and the revoked keys"))
}

fn verify_command() -> Command {
    Command::new("verify")
        .about("Check signatures: of every pinned plugin in the store, or of a file")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .help("A component with its signature beside it [default: what stresshost.lock pins]"),
        )
        .arg(value("signature", "FILE", "The signature [default: FILE.minisig]").requires("file"))
}

fn publish_commands() -> Vec<Command> {
    let package = || {
        [
            value(
                "namespace",
                "NAMESPACE",
                "Whose it is, such as `acme`; its name is the one it says it has",
            ),
            value("name", "NAMESPACE:NAME", "What it is published as, whatever name it says it has")
                .conflicts_with("namespace"),
        ]
    };
    let key = || value("key", "FILE", "The secret key; its password is read from STRESSHOST_KEY_PASSWORD");
    vec![
        Command::new("keygen")
            .about("Make a pair of keys to sign with: FILE.key stays secret, FILE.pub is given to users")
            .after_help("The secret key is encrypted with the password in STRESSHOST_KEY_PASSWORD.")
            .arg(Arg::new("file").value_name("FILE").required(true).help("The files' name without .key and .pub"))
            .arg(switch("no-password", "Leave the secret key unencrypted")),
        Command::new("sign")
            .about("Sign a component as a name and the version it says it has; writes FILE.minisig")
            .after_help(PROJECT)
            .arg(file())
            .args(package())
            .arg(key()),
        Command::new("publish")
            .about("Publish a component in a registry, under the version it says it has")
            .after_help(format!(
                "A published version never changes. --key signs it now; without a key, FILE.minisig is published with it.\n\
                 Example, in a project:\n  stresshost plugin publish --namespace acme --to oci://registry.example/acme --key acme.key\n\n\
                 {PROJECT}"
            ))
            .arg(file())
            .args(package())
            .arg(value("to", "LOCATION", "The registry: a directory or oci://HOST[/PREFIX]"))
            .arg(key())
            .arg(switch("unsigned", "Publish it without a signature").conflicts_with("key"))
            .arg(list("document", "PATH", "Publish a file with it, or the .wit files of a directory"))
            .arg(value("sbom", "FILE", "Publish a bill of materials with it, CycloneDX JSON"))
            .arg(value("licenses", "SPDX", "Its licence, such as `MIT OR Apache-2.0`")),
        Command::new("yank")
            .about("Mark a published version as not to be chosen any more; lock files that pin it go on")
            .arg(name("The plugin with its version, such as `acme:my@1.2.3`").required(true))
            .arg(value("to", "LOCATION", "The registry").required(true))
            .arg(value("reason", "TEXT", "Why; shown where the version is passed over").action(ArgAction::Set)),
    ]
}

fn write_commands() -> [Command; 3] {
    let plugin = || {
        Arg::new("plugin")
            .value_name("REFERENCE")
            .required(true)
            .help("The plugin, as `run --plugin` takes it")
    };
    [
        Command::new("build")
            .about("Build the plugin of a project, with the commands of its stresshost.yaml")
            .arg(Arg::new("dir").value_name("DIR").help("The project [default: this directory]")),
        Command::new("check")
            .about("Check that this host can run a plugin, and say what would make it better")
            .arg(plugin())
            .args(source_args()),
        Command::new("test")
            .about("Run a plugin against a mock of its target, and check what it does")
            .after_help("The form of the file is in the SDK's README.")
            .arg(plugin())
            .arg(value("mock", "FILE", "The mock and what is expected").required(true))
            .arg(switch("update", "Write the plan's snapshot anew"))
            .arg(trace_calls())
            .args(source_args()),
    ]
}
