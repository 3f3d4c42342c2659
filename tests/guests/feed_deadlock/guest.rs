//! Takes a row and waits for one that another user has and does not give back.

use stresshost_sdk::data::Feed;
use stresshost_sdk::documents as plan;
use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("feed_deadlock")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let rows = (0..4).map(|row| vec![row.to_string()]).collect();
        let feed = plan::Feed {
            name: "forks".to_owned(),
            columns: vec!["fork".to_owned()],
            rows,
            order: plan::FeedOrder::Unique,
        };
        let planned = stresshost_guests::plan("feed_deadlock", &input)?;
        Ok(Plan { feeds: vec![feed], ..planned })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let forks = Feed::open("forks")?;
        let first = forks.next();
        while first.is_none() || forks.next() != first {
            stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(1));
        }
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
