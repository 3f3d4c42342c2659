//! What the plugins of a run are given, and what the run records of them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::ArgMatches;
use stresshost_io::http::{
    ClientCertificate, HttpConfig, HttpShared, HttpVersion, KeptBudget, Resolve, TlsConfig,
};
use stresshost_metrics::{HostInfo, PluginInfo};
use stresshost_plan::{Descriptor, HttpOptions};
use stresshost_wasm::{ArtifactStore, GuestProfile, Plugin, WasmGuest, WasmPart};

use super::prepare::Prepared;
use super::resolve::LoadedPart;
use crate::exit::usage;
use crate::{args, env, secrets};

/// Functions of a profile that are shown.
const PROFILED_FUNCTIONS: usize = 10;

/// The plugins of a run, compiled and linked.
pub(super) fn guest(prepared: &Prepared, parts: Vec<WasmPart>) -> anyhow::Result<WasmGuest> {
    let cache = env::compiled_dir();
    WasmGuest::new(&prepared.plan, prepared.seed, parts, prepared.limits, cache.as_deref()).map_err(usage)
}

/// What every plugin of the run is given.
pub(super) fn wasm_parts(
    prepared: &Prepared,
    matches: &ArgMatches,
    run_dir: &Path,
) -> anyhow::Result<Vec<WasmPart>> {
    let plan = &prepared.plan;
    let kept = Arc::new(KeptBudget::new(prepared.limits.kept_bodies_bytes));
    let part = |(index, loaded): (usize, &LoadedPart)| {
        let own = plan.parts.get(index);
        let http = own.map_or(&plan.http, |part| &part.http);
        let secrets = secrets::of_plugin(&prepared.secrets, &prepared.passwords, &loaded.descriptor)?;
        let config = HttpConfig { secrets, kept: Arc::clone(&kept), ..http_config(matches, http)? };
        let http = HttpShared::new(config, prepared.grants.egress()).map_err(usage)?;
        // Each plugin of several has a directory of its own, so that none can replace another's files.
        let artifacts = match own {
            Some(part) => run_dir.join("artifacts").join(format!("{index}-{}", part.plugin)),
            None => run_dir.join("artifacts"),
        };
        Ok(WasmPart {
            loadable: Arc::clone(&loaded.loadable),
            plugin: loaded.descriptor.name.clone(),
            feeds: own.map_or(&plan.feeds, |part| &part.feeds).clone(),
            http,
            artifacts: loaded
                .descriptor
                .asks
                .artifacts
                .then(|| ArtifactStore::new(artifacts, &prepared.limits)),
            profile: args::is_set(matches, "profile-guest").then(Arc::default),
        })
    };
    prepared.parts.iter().enumerate().map(part).collect()
}

/// The profiles that are made, with the plugins' names.
pub(super) fn profiles(parts: &[WasmPart]) -> Vec<(String, Arc<GuestProfile>)> {
    parts.iter().filter_map(|part| Some((part.plugin.clone(), Arc::clone(part.profile.as_ref()?)))).collect()
}

/// A profile in words.
pub(super) fn profile_text(plugin: &str, profile: &GuestProfile) -> String {
    let (samples, top) = profile.top(PROFILED_FUNCTIONS);
    if samples == 0 {
        return format!("`{plugin}` was never seen to compute: its CPU is not what the run waited for");
    }
    let mut text = format!("where `{plugin}` spent its CPU, of {samples} samples:");
    for (function, count) in top {
        text.push_str(&format!("\n  {:>5.1}%  {function}", count as f64 / samples as f64 * 100.0));
    }
    text
}

fn http_config(matches: &ArgMatches, options: &HttpOptions) -> anyhow::Result<HttpConfig> {
    let defaults = HttpConfig::default();
    let version = match options.version.as_deref() {
        None => HttpVersion::Auto,
        Some(text) => {
            text.parse().map_err(|()| usage(format!("`{text}` is no HTTP version: auto, 1 or 2")))?
        }
    };
    let resolve: Result<Vec<Resolve>, _> =
        args::texts(matches, "resolve").iter().map(|rule| rule.parse()).collect();
    let insecure = args::is_set(matches, "insecure");
    let (ca_pem, client) = (ca_pem(matches)?, client_certificate(matches)?);
    let kept = options.max_body_kept_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(HttpConfig {
        connect_timeout_ms: options.connect_timeout_ms.unwrap_or(defaults.connect_timeout_ms),
        request_timeout_ms: options.request_timeout_ms.unwrap_or(defaults.request_timeout_ms),
        keep_alive: options.keep_alive.unwrap_or(defaults.keep_alive),
        version,
        tls: TlsConfig { insecure, ca_pem, client, ..TlsConfig::default() },
        resolve: resolve.map_err(usage)?,
        max_body_kept_bytes: kept.unwrap_or(defaults.max_body_kept_bytes),
        max_response_bytes: options.max_response_bytes.unwrap_or(defaults.max_response_bytes),
        ..defaults
    })
}

/// The certificates to trust besides the system's.
pub(super) fn ca_pem(matches: &ArgMatches) -> anyhow::Result<Vec<Vec<u8>>> {
    args::texts(matches, "ca").iter().map(|path| certificates("ca", path)).collect()
}

/// What servers are shown that ask who the client is.
fn client_certificate(matches: &ArgMatches) -> anyhow::Result<Option<ClientCertificate>> {
    let Some(path) = args::text(matches, "client-cert") else { return Ok(None) };
    let chain_pem = certificates("client-cert", path)?;
    let (flag, path, key_pem) = match args::text(matches, "client-key") {
        Some(path) => ("client-key", path, pem_file("client-key", path)?),
        None => ("client-cert", path, chain_pem.clone()),
    };
    let is_encrypted = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];
    if is_encrypted.iter().any(|label| contains(&key_pem, label)) {
        return Err(usage(format!(
            "--{flag}: the private key in `{path}` is encrypted; write it in clear with `openssl pkey -in {path}`"
        )));
    }
    if !contains(&key_pem, "PRIVATE KEY-----") {
        let hint = if flag == "client-key" { "" } else { "; give the file that does with --client-key" };
        return Err(usage(format!("--{flag}: `{path}` holds no private key{hint}")));
    }
    Ok(Some(ClientCertificate { chain_pem, key_pem }))
}

/// Reads a PEM file of certificates. What is in them is looked at later, when the file's name is not known any more.
fn certificates(flag: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let pem = pem_file(flag, path)?;
    if contains(&pem, "-----BEGIN CERTIFICATE-----") {
        return Ok(pem);
    }
    Err(usage(format!(
        "--{flag}: `{path}` holds no certificate; give a PEM file with `-----BEGIN CERTIFICATE-----`"
    )))
}

fn pem_file(flag: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).map_err(usage).with_context(|| format!("--{flag}: cannot read `{path}`"))
}

fn contains(pem: &[u8], label: &str) -> bool {
    pem.windows(label.len()).any(|window| window == label.as_bytes())
}

pub(super) fn cores(matches: &ArgMatches) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    matches.get_one::<u32>("cores").map_or_else(all, |cores| *cores as usize)
}

pub(super) fn plugin_info(plugin: &Plugin, descriptor: &Descriptor) -> PluginInfo {
    let digest = plugin.loadable().digest.clone();
    PluginInfo { name: descriptor.name.clone(), version: descriptor.version.clone(), digest }
}

pub(super) fn host_info() -> HostInfo {
    HostInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cores: 0,
    }
}
