//! From documents and flags to a plan.

use stresshost_openapi::{Operation as Documented, Spec, read};
use stresshost_sdk::config::{Found, short};
use stresshost_sdk::documents::{Mix, MixShare, Phase, Threshold};
use stresshost_sdk::load::GivenLoad;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json;

use crate::access::{Access, access};
use crate::baseline::baseline;
use crate::catalogue::{Unsendable, configured, defaults, documented, same_path};
use crate::command::{Command, Given, Kind};
use crate::config::{self, Config};
use crate::document::{Item, Operation, Probing, Request, Variables, Work, Workload};
use crate::items;
use crate::journeys::Journeys;
use crate::load;

/// Notes on parts that are left out: people read the first ones.
const MAX_NOTES: usize = 20;

/// Most time for probes, in milliseconds.
const MAX_PROBING_MS: u64 = 3_600_000;

/// Requests of each operation when schemas are checked without a load.
const REQUESTS_PER_OPERATION: u64 = 10;

/// Makes the plan.
pub(crate) fn plan(input: &PlanInput) -> Result<Plan, Problems> {
    let mut found = Found::default();
    let command = Command::read(input, &mut found);
    let flags = GivenLoad::from_flags(input, &mut found);
    let (spec, config) = documents(&command, &mut found);
    let mut maker = Maker { command: &command, spec, config, operations: Vec::new(), found };
    let plan = maker.make(&flags);
    if maker.found.problems.is_empty() { Ok(plan) } else { Err(maker.found.problems) }
}

/// Reads the documents: at most one of each kind.
fn documents(command: &Command, found: &mut Found) -> (Option<Spec>, Option<Config>) {
    let (mut spec, mut config) = (None, None);
    for given in &command.documents {
        if config::is_config(&given.value) {
            if config.is_some() {
                found.problem(given.flag, "this is a second config of services; give one");
            }
            config = Some(config::read(&given.value, given.flag, found));
        } else {
            if spec.is_some() {
                found.problem(given.flag, "this is a second OpenAPI document; give one");
            }
            spec = openapi(given, found);
        }
    }
    if command.documents.is_empty() {
        let hint = "give one with --schema-file or --config";
        found.problem_with_hint("", "there is no OpenAPI document", hint);
    }
    (spec, config)
}

/// Reads a document. What is wrong in parts of it are notes: the rest can be tested.
fn openapi(given: &Given, found: &mut Found) -> Option<Spec> {
    match read(&given.value) {
        Ok((spec, problems)) => {
            for problem in problems.iter().take(MAX_NOTES) {
                found.notes.push(format!("left out: {problem}"));
            }
            if problems.len() > MAX_NOTES {
                let more = problems.len() - MAX_NOTES;
                found.notes.push(format!("left out: {more} more parts of the document"));
            }
            Some(spec)
        }
        Err(problem) => {
            let path = format!("{}{}", given.flag, problem.path);
            found.add(Problem { path, ..problem });
            None
        }
    }
}

struct Maker<'a> {
    command: &'a Command,
    spec: Option<Spec>,
    config: Option<Config>,
    operations: Vec<Operation>,
    found: Found,
}

impl Maker<'_> {
    fn make(&mut self, flags: &GivenLoad) -> Plan {
        let Some(base_url) = self.base_url() else { return Plan::default() };
        let access = access(self.command, self.config.as_ref(), self.spec.as_ref(), &mut self.found);
        let documented = self.documented(&access);
        let journeys = self.operations_and_journeys(&documented, &access);
        let session = access.session(&mut self.operations, &documented, &mut self.found);
        let headers = self.headers();
        self.operations.iter_mut().for_each(|operation| operation.headers.clone_from(&headers));
        let mut workload = Workload {
            base_url,
            session,
            one_in: self.command.one_in,
            probing: self.probing(),
            defaults: self.spec.as_ref().map(defaults).unwrap_or_default(),
            callers: access.callers.clone(),
            ..Workload::default()
        };
        self.complete_defaults(&mut workload.defaults);
        workload.baseline = baseline(self.command.baseline.as_ref(), self.spec.as_ref(), &mut self.found);
        self.note_missing_baseline();
        workload.before = journeys.needed(&self.operations);
        let mut plan = Plan { name: self.title(), ..Plan::default() };
        self.put_work(&mut plan, &mut workload, &journeys, flags);
        workload.operations = std::mem::take(&mut self.operations);
        plan.targets = targets(&workload);
        plan.notes = self.notes(&workload);
        plan.workload = serde_json::to_value(workload).unwrap_or_default();
        plan
    }

    fn title(&self) -> String {
        let config = self.config.as_ref().map(|config| config.title.clone());
        let spec = self.spec.as_ref().map(|spec| spec.title.clone());
        let title = [config, spec].into_iter().flatten().find(|title| !title.is_empty());
        title.map_or_else(|| "api".to_owned(), |title| short(&title))
    }

    /// Where the API is: the argument, the config's URL, or the first server of the document.
    fn base_url(&mut self) -> Option<String> {
        let config = self.config.as_ref().and_then(|config| config.base_url.as_ref());
        let server = self.spec.as_ref().and_then(|spec| spec.servers.first());
        let given = self.command.base_url.as_ref().or(config).or(server);
        let Some(url) = given else {
            if self.spec.is_some() || self.config.is_some() {
                self.found.problem_with_hint("URL", "the document names no server", "say where the API is");
            }
            return None;
        };
        if !url.contains("://") {
            let message = format!("the server `{}` is no absolute URL", short(url));
            self.found.problem_with_hint(
                "URL",
                message,
                "say where the API is, such as http://localhost:8080",
            );
            return None;
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    /// The operations of the document that can be sent; the others are notes.
    fn documented(&mut self, access: &Access) -> Vec<Operation> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let is_detail = self.config.is_some();
        let methods = match (&self.command.methods, is_detail) {
            (Some(methods), _) => Some(methods.clone()),
            (None, true) => None,
            (None, false) => Some(vec!["GET".to_owned(), "HEAD".to_owned()]),
        };
        let wanted = |operation: &&Documented| {
            methods.as_ref().is_none_or(|known| known.contains(&operation.method))
                && (is_detail || self.command.is_wanted(&operation.method, &operation.path))
        };
        let given = |name: &str, scheme: Option<&_>| access.scheme(name, scheme);
        let (mut operations, mut left_out) = (Vec::new(), Vec::new());
        for operation in spec.operations.iter().filter(wanted) {
            match documented(spec, operation, &given) {
                Ok(made) => operations.push(made),
                Err(Unsendable::NeedsAuth(ways)) => {
                    left_out.push(format!("{}: it needs {}", operation.name(), ways.join(", or ")));
                }
                Err(Unsendable::Body(media_types)) => {
                    left_out.push(format!(
                        "{}: it takes {media_types}, and only JSON and forms are made",
                        operation.name()
                    ));
                }
            }
        }
        if is_detail {
            return operations;
        }
        let skipped = spec.operations.len() - operations.len() - left_out.len();
        if let Some(methods) = methods.filter(|_| skipped > 0) {
            let why = format!(
                "their method is not among {}, or --only or --skip leaves them out",
                methods.join(", ")
            );
            self.found.notes.push(format!("{skipped} operations are not sent: {why}"));
        }
        let shown = left_out.len().min(MAX_NOTES);
        for text in left_out.iter().take(shown) {
            self.found.notes.push(format!("not sent: {text}"));
        }
        if left_out.len() > shown {
            self.found.notes.push(format!("not sent: {} more operations", left_out.len() - shown));
        }
        if operations.is_empty() && self.found.problems.is_empty() {
            let hint = "see --methods and --auth; `stresshost plan` shows why each is left out";
            self.found.problem_with_hint("", "no operation of the document can be sent", hint);
        }
        operations
    }

    /// Puts together what is tested: the endpoints of a config, or all of the document.
    fn operations_and_journeys(&mut self, documented: &[Operation], access: &Access) -> Journeys {
        let Some(config) = self.config.take() else {
            self.operations = documented.to_vec();
            return Journeys::default();
        };
        let known = |method: &str, path: &str| {
            documented.iter().find(|one| one.method == method && same_path(&one.path, path))
        };
        for service in &config.services {
            for endpoint in &service.endpoints {
                let wanted = |methods: &Vec<String>| methods.contains(&endpoint.method);
                let is_wanted = self.command.is_wanted(&endpoint.method, &endpoint.path);
                if !is_wanted || !self.command.methods.as_ref().is_none_or(wanted) {
                    continue;
                }
                let known = known(&endpoint.method, &endpoint.path);
                let credential =
                    access.credential.as_ref().filter(|_| known.is_none() && needs_token(endpoint));
                let (operation, assumed) = configured(endpoint, known, credential);
                self.found.notes.extend(assumed);
                self.operations.push(operation);
            }
        }
        if self.operations.is_empty() && self.found.problems.is_empty() {
            self.found.problem("/services", "the config has no endpoint that is sent");
        }
        let mut journeys = Journeys::new(&config, documented, access.credential.as_ref());
        journeys.read(&mut self.operations, &mut self.found);
        self.config = Some(config);
        journeys
    }

    fn probing(&self) -> Probing {
        let testing = self.config.as_ref().map(|config| &config.testing);
        Probing {
            depth: self
                .command
                .depth
                .or_else(|| testing.and_then(|testing| testing.depth))
                .unwrap_or_default(),
            destructive: self.command.destructive || testing.is_some_and(|testing| testing.destructive),
            max_response_ms: self.command.max_response_ms,
        }
    }

    fn note_missing_baseline(&mut self) {
        let contract = self.config.as_ref().and_then(|config| config.testing.contract);
        let is_wanted = contract.is_some_and(|contract| contract.backwards_compatibility);
        if is_wanted && self.command.baseline.is_none() && self.kinds().contains(&Kind::Contract) {
            let why = "there is no older document to compare with; give one with --baseline-spec";
            self.found.notes.push(format!("backwards_compatibility_check: {why}"));
        }
    }

    /// Values of path variables that no document gives.
    fn complete_defaults(&self, defaults: &mut Vec<(String, String)>) {
        let texts = self.operations.iter().flat_map(|operation| {
            let values = operation.parameters.iter().filter_map(|parameter| parameter.value.as_ref());
            values.chain(operation.body.as_ref().map(|body| &body.value)).map(ToString::to_string)
        });
        for text in texts.collect::<Vec<_>>() {
            let names =
                text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}").map(|(name, _)| name));
            for name in names.map(|name| name.trim_start_matches('#')).filter(|name| name.ends_with("_id")) {
                if !defaults.iter().any(|(known, _)| known == name) {
                    defaults.push((name.to_owned(), "1".to_owned()));
                }
            }
        }
    }

    /// The kinds of tests, in their order.
    fn kinds(&self) -> Vec<Kind> {
        if let Some(kinds) = &self.command.kinds {
            return kinds.clone();
        }
        let Some(testing) = self.config.as_ref().map(|config| &config.testing) else {
            return vec![Kind::Load, Kind::Schema];
        };
        let mut kinds = Vec::new();
        if testing.load.is_some() {
            kinds.extend([Kind::Load, Kind::Schema]);
        }
        if testing.security.is_some() {
            kinds.push(Kind::Security);
        }
        if testing.contract.is_some() {
            kinds.push(Kind::Contract);
        }
        if kinds.is_empty() { vec![Kind::Load, Kind::Schema] } else { kinds }
    }

    fn put_work(&mut self, plan: &mut Plan, workload: &mut Workload, journeys: &Journeys, flags: &GivenLoad) {
        let kinds = self.kinds();
        let has = |kind: Kind| kinds.contains(&kind);
        let parts: Vec<Kind> =
            kinds.iter().copied().filter(|kind| *kind != Kind::Schema || !has(Kind::Load)).collect();
        if !has(Kind::Schema) && !has(Kind::Contract) {
            workload.one_in = 0;
        }
        let mut before: Option<String> = None;
        for kind in &parts {
            let phase = if parts.len() > 1 { phase_name(*kind).to_owned() } else { String::new() };
            let scenarios = plan.scenarios.len();
            match kind {
                Kind::Load => self.put_load(plan, workload, journeys, flags, &phase),
                Kind::Schema => self.put_schema(plan, workload, &phase),
                Kind::Contract => {
                    let items = items::contract(
                        &self.operations,
                        journeys,
                        &workload.probing,
                        workload.baseline.is_some(),
                    );
                    self.put_items(plan, workload, items, "contract", &phase);
                }
                Kind::Security => {
                    let configured = self.config.as_ref().and_then(|config| config.testing.security.clone());
                    let tests = self.command.security_tests.clone().or(configured).unwrap_or_default();
                    let items =
                        items::security(&self.operations, &tests, &workload.probing, has(Kind::Contract));
                    self.put_items(plan, workload, items, "security", &phase);
                }
            }
            if plan.scenarios.len() > scenarios && !phase.is_empty() {
                plan.phases
                    .push(Phase { depends_on: before.iter().cloned().collect(), ..Phase::new(&phase) });
                before = Some(phase);
            }
        }
        if plan.phases.len() == 1 {
            plan.phases.clear();
            plan.scenarios.iter_mut().for_each(|scenario| scenario.phase.clear());
            plan.mixes.iter_mut().for_each(|mix| mix.phase.clear());
            plan.thresholds.iter_mut().for_each(|threshold| threshold.phase.clear());
        }
        workload.phases = plan.scenarios.iter().map(|scenario| scenario.phase.clone()).collect();
    }

    fn request(&self, workload: &Workload, index: usize, known: &Variables) -> Option<Request> {
        Some(load::request(&workload.base_url, index, self.operations.get(index)?, known))
    }

    fn headers(&self) -> Vec<(String, String)> {
        let config = self.config.as_ref().map(|config| config.headers.clone()).unwrap_or_default();
        config.into_iter().chain(self.command.headers.iter().cloned()).collect()
    }

    fn put_load(
        &mut self,
        plan: &mut Plan,
        workload: &mut Workload,
        journeys: &Journeys,
        flags: &GivenLoad,
        phase: &str,
    ) {
        let configured =
            self.config.as_ref().and_then(|config| config.testing.load.clone()).unwrap_or_default();
        let given = flags.or(&configured);
        given.check("", &mut self.found);
        for (own, theirs) in flags.replaces(&configured) {
            self.found.notes.push(format!("`{own}` replaces `{theirs}` of the config"));
        }
        let mut known = Variables::default();
        for (name, value) in workload.callers.first().into_iter().flatten() {
            known.set(name, value);
        }
        if journeys.users.is_empty() {
            let with_defaults = workload.defaults.iter().filter(|(name, _)| name != "user_id");
            with_defaults.for_each(|(name, value)| known.set(name, value));
            let indices: Vec<usize> = (0..self.operations.len())
                .filter(|index| self.operations.get(*index).is_some_and(|operation| operation.is_tested))
                .collect();
            let requests =
                indices.into_iter().filter_map(|index| self.request(workload, index, &known)).collect();
            let scenario = given.shape.scenario("operations", "", &mut self.found.notes);
            plan.scenarios.push(Scenario { phase: phase.to_owned(), ..scenario });
            workload.scenarios.push(Work::Turn(requests));
        } else {
            let scenario = given.shape.scenario("users", "", &mut self.found.notes);
            let (executor, pause) = (scenario.executor, scenario.pause);
            plan.mixes.push(Mix {
                name: "users".to_owned(),
                phase: phase.to_owned(),
                start_ms: 0,
                executor,
                pause,
                part: 0,
            });
            for user in &journeys.users {
                let share = Executor::MixShare(MixShare { mix: "users".to_owned(), weight: user.weight });
                plan.scenarios.push(Scenario { phase: phase.to_owned(), ..Scenario::new(&user.name, share) });
                let steps = user.steps.iter().filter_map(|(action, index)| {
                    let request = self.request(workload, *index, &known)?;
                    Some(Request { action: action.clone(), ..request })
                });
                let mut steps: Vec<Request> = steps.collect();
                load::connect(&mut steps, &self.operations);
                workload.scenarios.push(Work::Journey(steps));
            }
        }
        self.put_targets(plan, workload, phase);
        given.shape.apply(plan);
    }

    /// What a config expects of response times, as thresholds of the operations that the load reaches.
    fn put_targets(&mut self, plan: &mut Plan, workload: &Workload, phase: &str) {
        let Some(config) = &self.config else { return };
        let reached = |index: usize| {
            workload.scenarios.iter().any(|work| match work {
                Work::Turn(requests) | Work::Journey(requests) => {
                    requests.iter().any(|request| request.operation == index)
                }
                Work::Items(_) => false,
            })
        };
        for endpoint in config.services.iter().flat_map(|service| &service.endpoints) {
            let Some(ms) = endpoint.expected_ms else { continue };
            let name = format!("{} {}", endpoint.method, endpoint.path);
            let index = self.operations.iter().position(|operation| operation.name == name);
            if index.is_some_and(reached) {
                let expression = format!("http.response_us{{operation=\"{name}\"}}.p95 < {ms}ms");
                let label = format!("expected_response_time of {name}: {ms} ms");
                plan.thresholds.push(Threshold {
                    label,
                    phase: phase.to_owned(),
                    ..Threshold::new(expression)
                });
            } else if index.is_some() {
                self.found
                    .notes
                    .push(format!("{}/expected_response_time: no load reaches {name}", endpoint.at));
            }
        }
    }

    /// Every operation some times, all answers held against the document.
    fn put_schema(&mut self, plan: &mut Plan, workload: &mut Workload, phase: &str) {
        let mut known = Variables::default();
        let given = workload.callers.first().into_iter().flatten();
        given.chain(&workload.defaults).for_each(|(name, value)| known.set(name, value));
        let requests: Vec<Request> = (0..self.operations.len())
            .filter(|index| self.operations.get(*index).is_some_and(|operation| operation.is_tested))
            .filter_map(|index| self.request(workload, index, &known))
            .collect();
        workload.one_in = 1;
        let iterations = requests.len() as u64 * REQUESTS_PER_OPERATION;
        self.put_shared(plan, workload, Work::Turn(requests), iterations, "schema", phase);
    }

    fn put_items(
        &mut self,
        plan: &mut Plan,
        workload: &mut Workload,
        items: Vec<Item>,
        name: &str,
        phase: &str,
    ) {
        if items.is_empty() {
            self.found.notes.push(format!("{name}: there is nothing to test"));
            return;
        }
        let count = items.len() as u64;
        self.put_shared(plan, workload, Work::Items(items), count, name, phase);
    }

    fn put_shared(
        &mut self,
        plan: &mut Plan,
        workload: &mut Workload,
        work: Work,
        iterations: u64,
        name: &str,
        phase: &str,
    ) {
        let vus = self.command.threads.min(iterations).max(1);
        let load = stresshost_sdk::documents::Iterations { vus, iterations, max_duration_ms: MAX_PROBING_MS };
        let scenario = Scenario::new(name, Executor::SharedIterations(load));
        plan.scenarios.push(Scenario { phase: phase.to_owned(), ..scenario });
        workload.scenarios.push(work);
    }

    fn notes(&mut self, workload: &Workload) -> Vec<String> {
        let tested = workload.operations.iter().filter(|operation| operation.is_tested).count();
        let checked = match workload.one_in {
            0 => "no answer of the load is held against the document".to_owned(),
            1 => "every answer is held against the document".to_owned(),
            one_in => format!("one answer in {one_in} of each operation is held against the document"),
        };
        let mut notes = vec![format!("{tested} operations in turn; {checked}")];
        if let Some(config) = &self.config {
            let endpoints: usize = config.services.iter().map(|service| service.endpoints.len()).sum();
            notes = vec![format!("{} services, {endpoints} endpoints; {checked}", config.services.len())];
        }
        notes.append(&mut self.found.notes);
        notes
    }
}

/// Whether an endpoint of a config is called with credentials: as it says, or unless it is where they come from.
fn needs_token(endpoint: &crate::config::endpoint::Endpoint) -> bool {
    use crate::words::{Purpose, purpose};
    let is_source = matches!(purpose(&endpoint.method, &endpoint.path), Purpose::Register | Purpose::LogIn);
    endpoint.auth.unwrap_or(!is_source)
}

const fn phase_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Load => "load",
        Kind::Schema => "schema",
        Kind::Contract => "contract",
        Kind::Security => "security",
    }
}

/// Scheme, host and port of everything that is called, each once.
fn targets(workload: &Workload) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    let absolute = workload.operations.iter().map(|operation| operation.path.as_str());
    for url in
        [workload.base_url.as_str()].into_iter().chain(absolute.filter(|path| path.starts_with("http")))
    {
        let authority = url.split_once("://").map(|(scheme, rest)| {
            format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
        });
        targets.extend(authority.filter(|target| !targets.contains(target)));
    }
    targets
}

#[cfg(test)]
mod tests;
