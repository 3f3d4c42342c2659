//! Natively, a fake host answers from a script: no component, no server.

use plugin::Plugin;
use stresshost_sdk::Workload;
use stresshost_sdk::testing::{self, FakeHost, Reply};

#[test]
fn a_failing_target_fails_the_check() {
    let host = FakeHost::new();
    host.reply_once("GET", Reply::status(503));
    let plan = Plugin::plan(testing::input(&["http://shop.test/"], (), ())).unwrap();
    let mut user: Plugin = testing::start(&plan, 0).unwrap();
    user.iterate(Default::default()).unwrap();
    user.iterate(Default::default()).unwrap();
    assert_eq!(host.check("the target answered"), (1, 1));
}
