//! Work on records of stores without SQL: reads and writes by key, and the core workloads of YCSB.
//!
//! | | reads | changes | keys |
//! |---|---|---|---|
//! | A | 50% | 50% updates | zipf |
//! | B | 95% | 5% updates | zipf |
//! | C | 100% | | zipf |
//! | D | 95% | 5% inserts | latest |
//! | E | 95% scans of up to 100 | 5% inserts | zipf |
//! | F | 50% | 50% read, then changed | zipf |
//!
//! What is done next, and with which record, is chosen here; `redis` and `mongo` do it.

pub(crate) mod mongo;
pub(crate) mod redis;

use stresshost_sdk::random;

use crate::builtin::Builtin;
use crate::document::{Doing, QueryType, Workload};
use crate::generator::read::EXPONENT;
use crate::generator::zipf::{Zipf, latest};

/// Fields of a record, and bytes of each, as in YCSB.
const FIELDS: u64 = 10;
const FIELD_BYTES: usize = 100;

/// Most records of a scan, as in YCSB.
const MAX_SCAN: u64 = 100;

/// Of a hundred iterations of mixed key-value work so many read.
const KV_READS: u64 = 80;

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    /// One that was loaded, by its number.
    Loaded(u64),
    /// One that this user has inserted, by its number.
    Own(u64),
}

/// What an iteration does. Records of `kv` are read and written whole, the others are of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get(u64),
    Set(u64),
    Read(Record),
    Update(u64),
    ReadAndUpdate(u64),
    /// Adds the user's record of this number.
    Insert(u64),
    /// Reads up to `count` records from this one on.
    Scan {
        from: u64,
        count: u64,
    },
}

/// Chooses what a virtual user does.
#[derive(Debug)]
struct Chooser {
    builtin: Builtin,
    query_type: QueryType,
    records: u64,
    zipf: Zipf,
    /// Records that this user has inserted.
    inserted: u64,
}

impl Chooser {
    fn new(builtin: Builtin, query_type: QueryType, records: u64) -> Self {
        Self { builtin, query_type, records, zipf: Zipf::new(records, EXPONENT), inserted: 0 }
    }

    fn choose(&self) -> Action {
        let percent = random::below(100);
        let record = self.zipf.scrambled();
        match (self.builtin, percent) {
            (Builtin::Kv, _) => {
                let reads = match self.query_type {
                    QueryType::Read => 100,
                    QueryType::Write => 0,
                    QueryType::Mixed => KV_READS,
                };
                if percent < reads { Action::Get(record) } else { Action::Set(record) }
            }
            (Builtin::YcsbA | Builtin::YcsbF, 0..50) | (Builtin::YcsbB, 0..95) | (Builtin::YcsbC, _) => {
                Action::Read(Record::Loaded(record))
            }
            (Builtin::YcsbF, _) => Action::ReadAndUpdate(record),
            (Builtin::YcsbD, 0..95) => {
                let place = latest(&self.zipf, self.records + self.inserted);
                Action::Read(match place.checked_sub(self.records) {
                    Some(own) => Record::Own(own),
                    None => Record::Loaded(place),
                })
            }
            (Builtin::YcsbE, 0..95) => Action::Scan { from: record, count: random::between(1, MAX_SCAN) },
            (Builtin::YcsbD | Builtin::YcsbE, _) => Action::Insert(self.inserted),
            _ => Action::Update(record),
        }
    }

    /// Counts a record that was inserted: from now on it is one of those that are read.
    const fn has_inserted(&mut self) {
        self.inserted += 1;
    }
}

/// A field's value.
fn value() -> String {
    let letter = |_| char::from(b'a' + u8::try_from(random::below(26)).unwrap_or(0));
    (0..FIELD_BYTES).map(letter).collect()
}

/// Another value for each iteration, without drawing a hundred letters.
fn vary(value: &mut String, number: u64) {
    let letter = [b'a' + u8::try_from(number % 26).unwrap_or(0)];
    value.replace_range(..1, std::str::from_utf8(&letter).unwrap_or("a"));
}

/// The name of a field that is changed.
fn field() -> u64 {
    random::below(FIELDS)
}

/// What tells the run's records from those of others.
fn run(workload: &Workload) -> String {
    let run: String = workload.found.run.chars().filter(char::is_ascii_alphanumeric).collect();
    run.get(run.len().saturating_sub(8)..).unwrap_or_default().to_owned()
}

/// Built-in work on records, and how many.
fn works(workload: &Workload) -> impl Iterator<Item = (Builtin, u64)> {
    workload.works.iter().filter_map(|work| match &work.doing {
        Doing::Records { builtin, records } => Some((*builtin, *records)),
        _ => None,
    })
}

/// Whether the run inserts records.
fn inserts(workload: &Workload) -> bool {
    works(workload).any(|(builtin, _)| matches!(builtin, Builtin::YcsbD | Builtin::YcsbE))
}

/// How often each command is sent per iteration, by the name of its operation.
#[cfg(test)]
fn shares(
    names: impl IntoIterator<Item = String>,
    iterations: u32,
) -> std::collections::BTreeMap<String, f64> {
    let mut shares = std::collections::BTreeMap::new();
    for name in names {
        *shares.entry(name).or_default() += 1.0 / f64::from(iterations);
    }
    shares
}

/// Checks shares against what is wanted.
#[cfg(test)]
fn assert_mix(builtin: Builtin, shares: &std::collections::BTreeMap<String, f64>, wanted: &[(&str, f64)]) {
    let told: Vec<&str> = shares.keys().map(String::as_str).collect();
    let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    assert_eq!(told, names, "{builtin:?}");
    for ((name, share), (_, wanted)) in shares.iter().zip(wanted) {
        assert!((share - wanted).abs() < 0.05, "{builtin:?} {name}: {share}");
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::testing::FakeHost;

    use super::*;

    #[test]
    fn the_newest_are_read_most() {
        let _host = FakeHost::new();
        let mut chooser = Chooser::new(Builtin::YcsbD, QueryType::Mixed, 100);
        (0..5).for_each(|_| chooser.has_inserted());
        let records: Vec<Record> = (0..2_000)
            .filter_map(|_| match chooser.choose() {
                Action::Read(record) => Some(record),
                _ => None,
            })
            .collect();
        let count = |wanted: Record| records.iter().filter(|record| **record == wanted).count();
        assert!(count(Record::Own(4)) > count(Record::Loaded(50)) * 4);
        assert!(records.iter().all(|record| !matches!(record, Record::Own(5..) | Record::Loaded(100..))));
    }

    #[test]
    fn values_have_their_length_and_vary() {
        let _host = FakeHost::new();
        let mut value = value();
        vary(&mut value, 27);
        assert_eq!((value.len(), value.starts_with('b')), (FIELD_BYTES, true));
    }
}
