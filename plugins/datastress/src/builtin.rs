//! Workloads that need no statements of the user's: their data, statements, conditions and ledgers.
//!
//! | module | workload |
//! |---|---|
//! | `kv` | a key-value table read and written by key |
//! | `tpcb` | TPC-B-like bank transactions, as pgbench has them |
//! | `tpcc` | TPC-C-like new-order and payment transactions |
//! | `ycsb` | YCSB A to F and key-value work on Redis and MongoDB |

pub(crate) mod kv;
pub(crate) mod tpcb;
pub(crate) mod tpcc;
pub(crate) mod ycsb;

use stresshost_sdk::serde::{Deserialize, Serialize};

use crate::database::Kind;
use crate::document::{Doing, Filled, Invariant, QueryType, Step};
use crate::generator::Generator;
use crate::statement::{Class, Parameter};

/// A built-in workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum Builtin {
    /// Reads and writes by key.
    Kv,
    TpcB,
    TpcC,
    YcsbA,
    YcsbB,
    YcsbC,
    YcsbD,
    YcsbE,
    YcsbF,
}

impl Builtin {
    /// Words of `--workload`.
    pub(crate) const WORDS: [&'static str; 9] =
        ["kv", "tpcb", "tpcc", "ycsb-a", "ycsb-b", "ycsb-c", "ycsb-d", "ycsb-e", "ycsb-f"];

    const ALL: [Self; 9] = [
        Self::Kv,
        Self::TpcB,
        Self::TpcC,
        Self::YcsbA,
        Self::YcsbB,
        Self::YcsbC,
        Self::YcsbD,
        Self::YcsbE,
        Self::YcsbF,
    ];

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().position(|known| *known == word).and_then(|place| Self::ALL.get(place)).copied()
    }

    pub(crate) fn word(self) -> &'static str {
        let place = Self::ALL.iter().position(|one| *one == self);
        place.and_then(|place| Self::WORDS.get(place)).copied().unwrap_or_default()
    }

    /// Whether an engine can do it.
    pub(crate) fn is_for(self, kind: Kind) -> bool {
        match self {
            Self::Kv => true,
            Self::TpcB | Self::TpcC => kind.is_sql(),
            _ => !kind.is_sql(),
        }
    }

    /// The kind of its transactions when the user does not choose.
    pub(crate) const fn query_type(self) -> QueryType {
        match self {
            Self::Kv | Self::YcsbC => QueryType::Read,
            _ => QueryType::Mixed,
        }
    }

    /// What its users do. `size` is rows, branches or warehouses.
    pub(crate) fn doing(self, kind: Kind, query_type: QueryType, size: u64) -> Doing {
        match self {
            _ if !kind.is_sql() => Doing::Records { builtin: self, records: size },
            Self::TpcB => Doing::Statements { steps: tpcb::steps(size), transaction: true },
            Self::TpcC => Doing::TpcC { warehouses: size },
            _ => Doing::Statements { steps: kv::steps(query_type, size), transaction: false },
        }
    }

    /// The tables of its data.
    pub(crate) fn tables(self, size: u64) -> Vec<Table> {
        match self {
            Self::Kv => kv::tables(size),
            Self::TpcB => tpcb::tables(size),
            Self::TpcC => tpcc::data::tables(size),
            _ => Vec::new(),
        }
    }

    /// What must hold of its data before and after.
    pub(crate) fn invariants(self) -> Vec<Invariant> {
        let named =
            |(name, sql): &(&str, &str)| Invariant { name: (*name).to_owned(), sql: (*sql).to_owned() };
        match self {
            Self::TpcB => tpcb::INVARIANTS.iter().map(named).collect(),
            Self::TpcC => tpcc::data::INVARIANTS.iter().map(named).collect(),
            _ => Vec::new(),
        }
    }

    /// A number of the data that grows by one with each acknowledged transaction that writes, and its query.
    pub(crate) const fn ledger(self) -> Option<&'static str> {
        match self {
            Self::Kv => Some("SELECT COALESCE(SUM(version), 0) FROM stresshost_kv"),
            Self::TpcB => Some("SELECT COUNT(*) FROM stresshost_history"),
            Self::TpcC => Some(
                "SELECT (SELECT COUNT(*) FROM stresshost_orders) + (SELECT COUNT(*) FROM stresshost_payments)",
            ),
            _ => None,
        }
    }
}

/// A table of built-in data.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// What follows `CREATE TABLE name`.
    pub(crate) columns: &'static str,
    pub(crate) rows: u64,
    /// The values of a row, in parentheses, by its number from 0.
    pub(crate) row: fn(u64) -> String,
}

/// A step of a built-in workload.
fn step(name: &str, text: &str, weight: u64, class: Class, parameters: Vec<(Generator, &str)>) -> Step {
    let filled = parameters.into_iter().map(|(by, why)| Filled {
        is: Parameter::default(),
        by: Some(by),
        why: why.to_owned(),
        ..Filled::default()
    });
    Step {
        name: name.to_owned(),
        text: text.to_owned(),
        weight,
        class,
        tables: Vec::new(),
        parameters: filled.collect(),
        returning: Vec::new(),
        keeps_row: false,
        place: "built-in".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement;

    #[test]
    fn words_name_workloads_both_ways() {
        for word in Builtin::WORDS {
            assert_eq!(Builtin::of_word(word).unwrap().word(), word);
        }
    }

    #[test]
    fn every_statement_is_one_of_every_engine() {
        for builtin in [Builtin::Kv, Builtin::TpcB, Builtin::TpcC] {
            for kind in [Kind::Postgresql, Kind::Mysql, Kind::Sqlite] {
                let mut texts: Vec<(String, Class)> = Vec::new();
                for query_type in [QueryType::Read, QueryType::Write, QueryType::Mixed] {
                    if let Doing::Statements { steps, .. } = builtin.doing(kind, query_type, 2) {
                        texts.extend(steps.iter().map(|step| (step.text.clone(), step.class)));
                    }
                }
                texts.extend(builtin.invariants().into_iter().map(|one| (one.sql, Class::Read)));
                texts.extend(builtin.ledger().map(|sql| (sql.to_owned(), Class::Read)));
                if builtin == Builtin::TpcC {
                    texts.extend(tpcc::STATEMENTS.iter().map(|(_, sql, class)| ((*sql).to_owned(), *class)));
                }
                for table in builtin.tables(1) {
                    texts.push((format!("CREATE TABLE {} {}", table.name, table.columns), Class::Definition));
                    texts.push((
                        format!("INSERT INTO {} VALUES {}", table.name, (table.row)(0)),
                        Class::Write,
                    ));
                }
                for (text, class) in texts {
                    let read =
                        statement::read(&text, kind).unwrap_or_else(|error| panic!("{text}: {error:?}"));
                    assert_eq!(read.class, class, "{text}");
                }
            }
        }
    }
}
