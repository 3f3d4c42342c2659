//! What the plan hands to the set-up, and the set-up to every virtual user.

use stresshost_sdk::serde::{Deserialize, Serialize};

use crate::builtin::Builtin;
use crate::database::Database;
use crate::generator::{Generator, Wire};
use crate::statement::{Class, Parameter};

/// The whole workload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Workload {
    pub(crate) database: Database,
    /// By the `own_index` of the plan's scenarios.
    pub(crate) works: Vec<Work>,
    /// Which users each phase has.
    pub(crate) layouts: Vec<Layout>,
    pub(crate) invariants: Vec<Invariant>,
    /// Built-in data that is needed, and its size.
    #[serde(default)]
    pub(crate) builtins: Vec<(Builtin, u64)>,
    pub(crate) options: Options,
    /// What the set-up found.
    #[serde(default)]
    pub(crate) found: FoundOut,
    /// Index of the present phase's layout.
    #[serde(default)]
    pub(crate) layout: usize,
}

impl Workload {
    /// Asks for the data of a built-in workload, once.
    pub(crate) fn builtin(&mut self, builtin: Builtin, size: u64) {
        if !self.builtins.contains(&(builtin, size)) {
            self.builtins.push((builtin, size));
        }
    }

    /// Whether anything that the user's scenarios do changes data.
    pub(crate) fn writes(&self) -> bool {
        self.works.iter().any(|work| match &work.doing {
            Doing::Statements { steps, .. } => steps.iter().any(|step| step.class != Class::Read),
            Doing::TpcC { .. } => true,
            Doing::Records { .. } => work.query_type != QueryType::Read,
            Doing::Monitor | Doing::Verify => false,
        })
    }

    /// The layout of the present phase.
    pub(crate) fn present(&self) -> Option<&Layout> {
        self.layouts.get(self.layout)
    }
}

/// What the flags and the config ask for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Options {
    /// `--query-plan-analysis`
    pub(crate) explain: bool,
    /// `--prove`
    pub(crate) prove: bool,
    /// Limit of each statement, in milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    /// Whether the database may be written to.
    pub(crate) may_write: bool,
    /// Most connections at once.
    pub(crate) connections: u64,
}

/// What the set-up found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct FoundOut {
    /// Id of the run.
    pub(crate) run: String,
    /// The server's numbers before the load, by the name of the statistic.
    pub(crate) before: Vec<(String, f64)>,
    /// Tables, collections or keys that this run made and takes away again.
    pub(crate) made: Vec<String>,
    /// Numbers of the built-in data's ledger before the load, by name.
    pub(crate) ledger: Vec<(String, f64)>,
}

/// The users of a phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Layout {
    pub(crate) phase: String,
    /// Connections that the users of each kind of work share; None: each has one of its own.
    #[serde(default)]
    pub(crate) pool: Option<u32>,
    /// Work and number of users, in the order of their ids.
    pub(crate) users: Vec<(usize, u64)>,
}

impl Layout {
    /// The work of a user.
    pub(crate) fn work_of(&self, id: u64) -> Option<usize> {
        let mut first = 0;
        for (work, count) in &self.users {
            if id < first + count {
                return Some(*work);
            }
            first += count;
        }
        None
    }
}

/// What a scenario does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Work {
    pub(crate) name: String,
    pub(crate) query_type: QueryType,
    pub(crate) doing: Doing,
}

/// The kinds of work.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum Doing {
    /// Statements, or commands of MongoDB: all in turn in one transaction, or one by its weight.
    Statements { steps: Vec<Step>, transaction: bool },
    /// TPC-C-like transactions on so many warehouses.
    TpcC { warehouses: u64 },
    /// Built-in work on so many records of a store without SQL.
    Records { builtin: Builtin, records: u64 },
    /// Looks at the server while the load runs.
    Monitor,
    /// Looks at the data and the server after the load.
    Verify,
}

/// What kind of statements a scenario has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum QueryType {
    /// Nothing is changed; the server is told to refuse changes.
    #[default]
    Read,
    /// Rows are changed.
    Write,
    /// Both, as transactions.
    Mixed,
}

impl QueryType {
    pub(crate) const WORDS: [&'static str; 3] = ["read", "write", "mixed"];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Mixed => "mixed",
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Mixed].into_iter().find(|one| one.word() == word)
    }
}

/// A statement of a scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Step {
    /// Name of its operation.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) weight: u64,
    pub(crate) class: Class,
    pub(crate) tables: Vec<String>,
    pub(crate) parameters: Vec<Filled>,
    /// Columns of changed rows that it returns.
    #[serde(default)]
    pub(crate) returning: Vec<String>,
    /// Whether a later statement needs what it returns.
    #[serde(default)]
    pub(crate) keeps_row: bool,
    /// Where it stands, for messages.
    pub(crate) place: String,
}

/// A parameter and how it is filled.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Filled {
    pub(crate) is: Parameter,
    /// None: it is inferred when the run begins.
    pub(crate) by: Option<Generator>,
    #[serde(default)]
    pub(crate) wire: Wire,
    /// Why this generator.
    #[serde(default)]
    pub(crate) why: String,
}

/// A query that returns no rows as long as the data is as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Invariant {
    pub(crate) name: String,
    pub(crate) sql: String,
}

impl Invariant {
    /// Name of its check.
    pub(crate) fn check(&self) -> String {
        format!("invariant {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_counted_through_in_the_order_of_the_scenarios() {
        let layout = Layout { users: vec![(3, 2), (1, 1)], ..Layout::default() };
        let works: Vec<Option<usize>> = (0..4).map(|id| layout.work_of(id)).collect();
        assert_eq!(works, [Some(3), Some(3), Some(1), None]);
    }
}
