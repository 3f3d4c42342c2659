//! Reads one row by its key in each iteration, so that `cargo xtask bench sql` can hold what that costs against pgbench and
//! sysbench.

use stresshost_sdk::prelude::*;
use stresshost_sdk::random;
use stresshost_sdk::sql::{Statement, Target, Value};

#[derive(Default)]
struct Guest {
    statement: Option<Statement>,
    rows: u64,
}

impl Workload for Guest {
    type Shared = Vec<String>;

    fn describe() -> Descriptor {
        let argument = |name: &str, help: &str, target| Positional {
            name: name.into(),
            help: help.into(),
            required: true,
            target,
        };
        let positionals = vec![
            argument("URL", "Database to load", true),
            argument("STATEMENT", "What to execute; `$1` is a key", false),
            argument("ROWS", "Keys are from 1 to this", false),
        ];
        let asks = Asks { secrets: vec!["*".to_owned()], ..Asks::default() };
        Descriptor { positionals, asks, ..stresshost_guests::describe("sql_select") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut plan = stresshost_guests::plan("sql_select", &input)?;
        plan.workload = input.args.into();
        Ok(plan)
    }

    fn start(_: VuInfo, args: Vec<String>) -> Result<Self, Failure> {
        let [url, text, rows] = &args[..] else { return Err(Failure::setup("three arguments are needed")) };
        let rows = rows.parse().map_err(|_| Failure::setup(format!("`{rows}` is no number of rows")))?;
        let statement = Target::new(url).open()?.prepare("select", text)?;
        Ok(Self { statement: Some(statement), rows })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(statement) = self.statement else { return Err(Failure::new("start", "not started")) };
        let key = i64::try_from(random::below(self.rows)).unwrap_or(0) + 1;
        statement.execute(&[Value::Integer(key)]).check()
    }
}

stresshost_sdk::export!(Guest);
