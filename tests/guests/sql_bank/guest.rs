//! Moves money in transactions and looks at what it did: every kind of operation of `sql`, each with a count to hold
//! against the database's.
//!
//! The database has the tables `accounts (id, balance)` with the accounts 1 and 2, and `moves (id)`, whose ids differ.

use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use stresshost_sdk::sql::{Connection, Statement, Target, Value};

struct Bank {
    database: Connection,
    take: Statement,
    give: Statement,
    total: Statement,
    moved: Statement,
    right: Check,
}

#[derive(Default)]
struct Guest {
    bank: Option<Bank>,
}

impl Workload for Guest {
    type Shared = Vec<String>;

    fn describe() -> Descriptor {
        let url = Positional { name: "URL".into(), help: "Database".into(), required: true, target: true };
        let pool = Positional {
            name: "POOL".into(),
            help: "Size of the pool".into(),
            required: false,
            target: false,
        };
        Descriptor { positionals: vec![url, pool], ..stresshost_guests::describe("sql_bank") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut plan = stresshost_guests::plan("sql_bank", &input)?;
        plan.workload = input.args.into();
        Ok(plan)
    }

    fn start(_: VuInfo, args: Vec<String>) -> Result<Self, Failure> {
        let url = args.first().map_or("", String::as_str);
        let target = match args.get(1) {
            Some(size) => Target::new(url).option("pool", size),
            None => Target::new(url),
        };
        let database = target.open()?;
        let bank = Bank {
            take: database.prepare("take", "UPDATE accounts SET balance = balance - $1 WHERE id = 1")?,
            give: database.prepare("give", "UPDATE accounts SET balance = balance + $1 WHERE id = 2")?,
            total: database.prepare("total", "SELECT SUM(balance) AS total, $1 AS asked FROM accounts")?,
            moved: database.prepare("moved", "INSERT INTO moves VALUES ($1)")?,
            right: Check::register("the total is as it was")?,
            database,
        };
        Ok(Self { bank: Some(bank) })
    }

    fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        let Some(bank) = &self.bank else { return Err(Failure::new("start", "not started")) };
        // Serialized from the first statement on, so that neither server finds a deadlock or a conflict.
        bank.database.begin().check()?;
        let amount = [Value::Integer(5)];
        bank.take.execute(&amount).check()?;
        bank.give.execute(&amount).check()?;
        let total = bank.total.query(&["x".into()]);
        total.check()?;
        let cells = total.row(0).unwrap_or_default();
        let sum = cells.first().and_then(|cell| cell.as_f64());
        let asked = cells.get(1).and_then(|cell| cell.as_str());
        bank.right.mark(sum == Some(200.0) && asked == Some("x") && total.columns() == ["total", "asked"]);
        let id = i64::try_from(iteration.number).unwrap_or(0);
        bank.moved.execute(&[id.into()]).check()?;
        // Every third is left open: the host rolls it back.
        if iteration.number % 3 == 2 {
            return Ok(());
        }
        bank.database.commit().check()?;
        // The same once more is refused.
        let twice = bank.moved.execute(&[id.into()]);
        match twice.error_name().as_str() {
            "constraint" => Ok(()),
            other => Err(Failure::new("twice", format!("`{other}` instead of a refusal"))),
        }
    }
}

stresshost_sdk::export!(Guest);
