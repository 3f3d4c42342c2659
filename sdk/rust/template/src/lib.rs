//! Loads one URL.

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::{Prepared, Request};
use stresshost_sdk::prelude::*;

struct User {
    request: Prepared,
    answered: Check,
}

/// One virtual user.
#[derive(Default)]
pub struct Plugin(Option<User>);

impl Workload for Plugin {
    /// What the plan hands to every virtual user: the URL.
    type Shared = String;

    fn describe() -> Descriptor {
        let url = Positional {
            name: "URL".into(),
            help: "What to load".into(),
            required: true,
            target: true,
        };
        Descriptor { positionals: vec![url], flags: LoadFlags::flags(), ..Descriptor::empty() }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let (mut problems, mut notes) = (Problems::new(), Vec::new());
        let load = LoadFlags::read(&input, &mut problems);
        let Some(url) = input.args.first() else {
            return Err(vec![Problem::new("URL", "no URL was given")]);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let scenarios = vec![load.scenario("main", "", &mut notes)];
        let mut plan = Plan {
            name: "__NAME__".into(),
            scenarios,
            notes,
            workload: url.as_str().into(),
            ..Plan::default()
        };
        load.apply(&mut plan);
        Ok(plan)
    }

    fn start(_: VuInfo, url: String) -> Result<Self, Failure> {
        let request = Request::get("GET", url).prepare()?;
        Ok(Self(Some(User { request, answered: Check::register("the target answered")? })))
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(user) = &self.0 else { return Ok(()) };
        let response = user.request.fire(&[]);
        user.answered.mark(response.ok());
        Ok(())
    }
}

stresshost_sdk::export!(Plugin);
