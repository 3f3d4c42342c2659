//! Reads a response after the next request was fired, when the host keeps it no longer.

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::{Prepared, Request, Response};
use stresshost_sdk::prelude::*;

struct User {
    request: Prepared,
    fresh_is_read: Check,
    stale_is_refused: Check,
    /// The last response of the iteration before.
    before: Option<Response>,
}

#[derive(Default)]
struct Guest {
    user: Option<User>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        stresshost_guests::describe_with_url("stale_response")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("stale_response", &input)
    }

    fn start(_: VuInfo, url: String) -> Result<Self, Failure> {
        let user = User {
            request: Request::get("GET /", url).prepare()?,
            fresh_is_read: Check::register("a fresh response is read")?,
            stale_is_refused: Check::register("a stale response is refused")?,
            before: None,
        };
        Ok(Self { user: Some(user) })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(user) = &mut self.user else { return Err(Failure::new("start", "not started")) };
        let first = user.request.fire(&[]);
        let fresh = first.body().is_ok() && first.header("content-type").is_some();
        user.fresh_is_read.mark(fresh);
        let before_is_stale = user.before.take().is_none_or(|before| before.body().is_err());
        user.before = Some(user.request.fire(&[]));
        let told = first.body().is_err_and(|failure| failure.message.contains("stale"));
        let absent = first.header("content-type").is_none() && first.headers().is_empty();
        let no_json = first.json("").is_none();
        user.stale_is_refused
            .mark(told && absent && no_json && before_is_stale && first.error_text().is_empty());
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
