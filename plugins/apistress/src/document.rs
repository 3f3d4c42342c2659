//! What the plan hands to every virtual user.

use stresshost_sdk::prelude::{Failure, Finding, SetupContext};
use stresshost_sdk::serde::{Deserialize, Serialize};
use stresshost_sdk::serde_json::Value;

/// The workload of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Workload {
    /// Scheme, host, port and the path before all operations, without a slash at its end.
    pub base_url: String,
    /// Every operation that is known.
    pub operations: Vec<Operation>,
    /// How virtual users get credentials of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// What the iterations of each scenario of the plan do, by its own index.
    pub scenarios: Vec<Work>,
    /// By index of an operation, the operations without which it cannot succeed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<(usize, Vec<usize>)>,
    /// What changed since an older version of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// The phase of each scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
    /// Of how many answers of each request one is held against the document; 0: of none.
    pub one_in: u64,
    /// Bounds of probing.
    pub probing: Probing,
    /// Variables that every caller has before it knows better, such as the number of an object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<(String, String)>,
    /// Credentials that are given: variables of one caller, and of another one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Vec<(String, String)>>,
    /// Tells the accounts of this run from those of others; set when the run begins.
    #[serde(default)]
    pub run: String,
}

impl Workload {
    /// The workload of a plan, with a name that no other run has.
    pub(crate) fn of_run(context: SetupContext) -> Result<Self, Failure> {
        let mut workload: Self = stresshost_sdk::serde_json::from_value(context.workload)
            .map_err(|error| Failure::setup(format!("the plan's workload cannot be read: {error}")))?;
        // Accounts outlive a run: two runs with the same seed must not ask for the same names.
        let letters = context.run_id.bytes().filter(u8::is_ascii_alphanumeric).map(char::from);
        workload.run = letters.collect::<String>().to_ascii_lowercase();
        let cut = workload.run.len().saturating_sub(MAX_RUN_NAME);
        workload.run.drain(..cut);
        Ok(workload)
    }

    /// The same with the work of one phase only, so that the users of a load are not handed what is probed later.
    #[must_use]
    pub(crate) fn of_phase(mut self, phase: &str) -> Self {
        for (work, of) in self.scenarios.iter_mut().zip(&self.phases) {
            if of != phase {
                *work = Work::Items(Vec::new());
            }
        }
        // Users of every phase count from 0, and each needs accounts of its own.
        self.run.extend(phase.chars().next());
        self
    }
}

/// Characters of a run's id that tell its accounts from those of other runs.
const MAX_RUN_NAME: usize = 10;

/// What changed since an older version of the document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Baseline {
    /// Operations that break clients.
    pub broken: u64,
    /// Operations that do not.
    pub held: u64,
    /// Each change.
    pub findings: Vec<Finding>,
}

/// How far probes go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Probing {
    /// How many payloads, cases and delays are tried.
    pub depth: Depth,
    /// Whether objects may be deleted and statements sent that change data.
    pub destructive: bool,
    /// Longest acceptable answer in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_response_ms: Option<u64>,
}

/// How thorough probes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub enum Depth {
    /// The likeliest payloads.
    Quick,
    /// Most of them.
    #[default]
    Standard,
    /// All, and longer delays.
    Deep,
}

/// What the iterations of one scenario do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum Work {
    /// Requests in turn, one an iteration.
    Turn(Vec<Request>),
    /// Requests in order, all of them in each iteration.
    Journey(Vec<Request>),
    /// The item of the iteration's number.
    Items(Vec<Item>),
}

/// A request of the load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Request {
    /// Index of its operation.
    pub operation: usize,
    /// What the config calls it; empty: as its operation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// Absolute URL; may hold slots.
    pub url: String,
    /// Headers; values may hold slots.
    pub headers: Vec<(String, String)>,
    /// Body; may hold slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Names of the slots: variables of the virtual user, `json.NAME` as the inside of a JSON text, `raw.NAME` as it is.
    pub slots: Vec<String>,
    /// Variables taken from the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extract: Vec<Extract>,
}

/// A variable that is taken from an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Extract {
    /// Name of the variable.
    pub variable: String,
    /// JSON pointers where it may stand, the likeliest first.
    pub pointers: Vec<String>,
}

/// One thing that is probed by one iteration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Item {
    /// Index of the operation.
    pub operation: usize,
    /// What is probed.
    pub probe: Probe,
}

/// What can be probed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum Probe {
    /// What changed since an older version of the document.
    Baseline,
    /// One check of conformance, by its name.
    Conformance(String),
    /// One security test, by its name.
    Security(String),
    /// One named scenario of the config.
    Scenario(Box<Named>),
}

/// A named scenario: a request that differs from the usual one, and what is expected of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Named {
    /// As the config calls it.
    pub name: String,
    /// Its meaning when it is a built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
    /// Operations that come before, with the same user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<usize>,
    /// Values by the names of parameters, of `headers` and of body fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, Value)>,
    /// The whole body, when it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Whether the request goes without credentials.
    #[serde(default)]
    pub anonymous: bool,
    /// Statuses that are expected.
    pub statuses: Vec<u16>,
    /// Values that must stand in the answer, by JSON pointer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<(String, Value)>,
}

/// What a built-in scenario does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "snake_case")]
pub enum Meaning {
    /// The usual request succeeds.
    #[default]
    Usual,
    /// A body without a field, or with one of the wrong type, is refused.
    InvalidBody,
    /// The same request again is refused.
    Duplicate,
    /// A wrong password is refused.
    WrongPassword,
    /// After many wrong passwords the right one is refused.
    Locked,
    /// A request without credentials is refused.
    Anonymous,
    /// An object that is not there is not found.
    NotThere,
    /// A body that refers to what is not there is refused.
    WrongReference,
    /// Numbers out of any reason are refused.
    NumberLimits,
    /// Pages do not overlap and have the size that is asked for.
    Pages,
    /// All that is listed has the value that is asked for.
    Filter,
    /// All that is listed lies between the bounds that are asked for.
    Range,
    /// A payment that is declined is told.
    Declined,
    /// More than there is cannot be bought.
    Shortage,
}

/// How a virtual user gets credentials of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Session {
    /// Index of the operation that makes an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<usize>,
    /// Index of the operation that gives a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<usize>,
    /// Accounts that are there already, with user name and password.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<(String, String)>,
}

/// One operation: how it is called, and what the document says of its answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Operation {
    /// Method and path as the document writes them.
    pub name: String,
    /// Method in upper case.
    pub method: String,
    /// Path with names in braces.
    pub path: String,
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// What it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// What the document says of its answers.
    pub answers: Vec<Answer>,
    /// Headers of every request of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// What lets the caller in; none: anybody may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Credential>,
    /// Whether a caller without credentials must be refused.
    #[serde(default)]
    pub auth_required: bool,
    /// The status that the config expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_status: Option<u16>,
    /// Methods that the document has for the same path; none when there is no document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Whether it should no longer be used.
    #[serde(default)]
    pub deprecated: bool,
    /// Whether it is part of what is tested, rather than a help to it.
    pub is_tested: bool,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Parameter {
    /// Name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether it must be there.
    pub required: bool,
    /// Its schema, as JSON Schema 2020-12.
    pub schema: Value,
    /// The value of the usual request; may be a text with variables. None: left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// Where a value of a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}

/// What an operation takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Body {
    /// Media type.
    pub media_type: String,
    /// Its schema, as JSON Schema 2020-12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The body of the usual request; texts in it may hold variables.
    pub value: Value,
}

/// What lets a caller in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Credential {
    /// Where it stands.
    pub place: Place,
    /// Name of the header, parameter or cookie.
    pub name: String,
    /// Its value: a text with variables, or a secret's name for the host.
    pub value: String,
}

/// What the document says of answers with some statuses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Answer {
    /// Bounds of the statuses, both included.
    pub statuses: (u16, u16),
    /// Media types; none: nothing is said of the body.
    pub contents: Vec<Content>,
    /// Headers that must be there.
    pub headers: Vec<String>,
}

/// A body of one media type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Content {
    /// As the document writes it.
    pub media_type: String,
    /// JSON Schema of a JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// An example from the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

/// Named values of a virtual user, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables(Vec<(String, String)>);

impl Variables {
    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name.to_owned(), value.into())),
        }
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
