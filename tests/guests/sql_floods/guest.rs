//! Wants more connections, statements, text and rows than it may have, on a SQLite file it was granted.

use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use stresshost_sdk::sql::Target;

#[derive(Default)]
struct Guest {
    url: String,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        let url = Positional { name: "URL".into(), help: "Database".into(), required: true, target: true };
        Descriptor { positionals: vec![url], ..stresshost_guests::describe("sql_floods") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("sql_floods", &input)
    }

    fn start(_: VuInfo, url: String) -> Result<Self, Failure> {
        Ok(Self { url })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let check = |name: &str, held: bool| Check::register(name).map(|check| check.mark(held));
        let target = Target::new(&self.url);
        let mut open = Vec::new();
        let refused = loop {
            match target.open() {
                Ok(connection) => open.push(connection),
                Err(failure) => break failure.message,
            }
        };
        check("connections", open.len() == 16 && refused.contains("more than 16 connections"))?;
        let Some(database) = open.pop() else { return Err(Failure::new("open", refused)) };
        let mut prepared = 0;
        let refused = loop {
            match database.prepare("flood", &format!("SELECT {prepared}")) {
                Ok(_) => prepared += 1,
                Err(failure) => break failure.message,
            }
        };
        check("statements", prepared == 1_000 && refused.contains("more than 1000 statements"))?;
        let huge = format!("SELECT '{}'", "x".repeat(2 << 20));
        check("text", database.run("huge", &huge).error_name() == "invalid")?;
        let many =
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 70000) SELECT x FROM c";
        let answer = database.run("many", many);
        let kept = answer.all_rows().len();
        check("rows", answer.ok() && answer.rows() == 70_000 && kept == 10_000)?;
        let other = self.url.replace("given.db", "other.db");
        check("file", Target::new(other).open().is_err())?;
        check("attach", database.run("attach", "ATTACH 'other.db' AS other").error_name() == "invalid")?;
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
