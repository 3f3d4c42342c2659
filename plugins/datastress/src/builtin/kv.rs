//! A table read and written by its key; few keys are popular, and they lie anywhere.

use crate::builtin::{Table, step};
use crate::document::{QueryType, Step};
use crate::generator::Generator;
use crate::generator::fake::Fake;
use crate::generator::read::EXPONENT;
use crate::statement::Class;

/// Of a hundred iterations of mixed work so many read.
const READS: u64 = 80;

pub(crate) fn tables(rows: u64) -> Vec<Table> {
    let row = |number: u64| format!("({}, 'value {number}', 0)", number + 1);
    vec![Table {
        name: "stresshost_kv",
        columns: "(id BIGINT PRIMARY KEY, value VARCHAR(200) NOT NULL, version BIGINT NOT NULL)",
        rows,
        row,
    }]
}

pub(crate) fn steps(query_type: QueryType, rows: u64) -> Vec<Step> {
    let key = || Generator::Zipf {
        min: 1,
        max: i64::try_from(rows).unwrap_or(i64::MAX),
        exponent: EXPONENT,
        scrambled: true,
    };
    let why = "a key of the built-in table; popular keys lie anywhere";
    let read = |weight| {
        let text = "SELECT value FROM stresshost_kv WHERE id = $1";
        step("SELECT stresshost_kv", text, weight, Class::Read, vec![(key(), why)])
    };
    let write = |weight| {
        let text = "UPDATE stresshost_kv SET value = $1, version = version + 1 WHERE id = $2";
        let value = (Generator::Fake { of: Fake::Sentence }, "a text as long as a sentence");
        step("UPDATE stresshost_kv", text, weight, Class::Write, vec![value, (key(), why)])
    };
    match query_type {
        QueryType::Read => vec![read(1)],
        QueryType::Write => vec![write(1)],
        QueryType::Mixed => vec![read(READS), write(100 - READS)],
    }
}
