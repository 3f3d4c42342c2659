use std::rc::Rc;
use std::sync::Arc;

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_plan::{ConstantVus, Executor, RateLimit, Scenario};

use super::*;

fn limit(name: &str, rate_per_s: f64, burst: u64, scope: LimitScope) -> RateLimit {
    RateLimit { name: name.into(), rate_per_s, burst, scope }
}

fn plan(limits: Vec<RateLimit>) -> Plan {
    let vus = Executor::ConstantVus(ConstantVus { vus: 1, duration_ms: 1_000, ramp_up_ms: 0 });
    Plan {
        scenarios: vec![Scenario::new("a", vus.clone()), Scenario::new("b", vus)],
        limits,
        ..Plan::default()
    }
}

fn on_a_core<F: Future<Output = ()>>(limits: Vec<RateLimit>, test: impl FnOnce(Rc<CoreContext>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let limits = Arc::new(Limits::new(&plan(limits)));
        test(
            CoreContext::new((0, 1), Clock::start(), 2, Arc::default(), Arc::default(), limits, 0)
                .expect("a timer"),
        )
        .await;
    });
}

#[test]
fn limits_are_found_by_what_they_are_about() {
    let limits = Limits::new(&plan(vec![
        limit("all", 1.0, 1, LimitScope::Global),
        limit("b", 1.0, 1, LimitScope::Scenario("b".into())),
        limit("quota", 1.0, 1, LimitScope::Named),
        limit("shop", 1.0, 1, LimitScope::Target("https://shop.example:443".into())),
    ]));
    assert_eq!(limits.by_scenario, [vec![LimitId(0)], vec![LimitId(0), LimitId(1)]]);
    assert_eq!((limits.named("quota"), limits.named("other")), (Some(LimitId(2)), None));
    assert_eq!(limits.of_target("https", "shop.example", 443), [LimitId(3)]);
    assert_eq!(limits.of_target("https", "other.example", 443), []);
    assert!(Limits::new(&plan(Vec::new())).is_empty() && !limits.is_empty());
}

#[test]
fn an_operation_waits_for_the_slowest_of_its_limits() {
    let limits = vec![
        limit("all", 100.0, 1, LimitScope::Global),
        limit("b", 10.0, 1, LimitScope::Scenario("b".into())),
    ];
    on_a_core(limits, async |core| {
        for (scenario, at_ms) in [(1, 0), (0, 10), (1, 100), (0, 100), (0, 110)] {
            core.take_tokens(Some(scenario), &[]).await;
            assert_eq!(core.clock.now_ns() / NS_PER_MS, at_ms);
        }
        assert_eq!(core.recorder.borrow_mut().take().limited_ns, 110 * NS_PER_MS, "waiting is told");
    });
}

#[test]
fn what_has_no_limit_does_not_wait() {
    on_a_core(vec![limit("b", 1.0, 1, LimitScope::Scenario("b".into()))], async |core| {
        for _ in 0..100 {
            core.take_tokens(Some(0), &[]).await;
            core.take_tokens(None, &[]).await;
        }
        assert_eq!(core.clock.now_ns(), 0);
        assert_eq!(core.acquire(LimitId(7), 1).await, 0, "no such limit");
    });
}

#[test]
fn tokens_are_acquired_by_name_and_the_wait_is_told() {
    on_a_core(vec![limit("quota", 10.0, 5, LimitScope::Named)], async |core| {
        let quota = core.limits.named("quota").expect("it is there");
        assert_eq!(core.acquire(quota, 5).await, 0);
        assert_eq!(core.acquire(quota, 3).await, 300 * NS_PER_MS);
        core.take_tokens(None, &[quota]).await;
        assert_eq!(core.clock.now_ns(), 400 * NS_PER_MS);
        assert_eq!(core.recorder.borrow_mut().take().limited_ns, 400 * NS_PER_MS);
    });
}
