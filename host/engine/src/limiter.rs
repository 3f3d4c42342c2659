//! Rate limits: the host's token buckets, shared by all cores.

use stresshost_plan::{LimitScope, Plan, TargetPattern};

use crate::bucket::Bucket;
use crate::context::CoreContext;

/// The rate limits of a run.
#[derive(Debug, Default)]
pub struct Limits {
    buckets: Vec<(String, Bucket)>,
    /// By scenario: what each of its operations takes a token of, limits of targets not included.
    by_scenario: Vec<Vec<LimitId>>,
    by_target: Vec<(TargetPattern, LimitId)>,
}

/// A limit of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitId(u32);

impl Limits {
    /// The limits of a plan, which must be valid.
    pub fn new(plan: &Plan) -> Self {
        let mut limits = Self { by_scenario: vec![Vec::new(); plan.scenarios.len()], ..Self::default() };
        for (index, limit) in (0..).zip(&plan.limits) {
            let id = LimitId(index);
            limits.buckets.push((limit.name.clone(), Bucket::new(limit.rate_per_s, limit.burst)));
            match &limit.scope {
                LimitScope::Named => {}
                LimitScope::Global => limits.by_scenario.iter_mut().for_each(|ids| ids.push(id)),
                LimitScope::Scenario(name) => {
                    let same = plan.scenarios.iter().zip(&mut limits.by_scenario);
                    same.filter(|(scenario, _)| scenario.name == *name).for_each(|(_, ids)| ids.push(id));
                }
                LimitScope::Target(pattern) => {
                    limits.by_target.extend(TargetPattern::parse(pattern).ok().map(|pattern| (pattern, id)));
                }
            }
        }
        limits
    }

    /// Whether the run has no limits at all.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The limit of this name.
    pub fn named(&self, name: &str) -> Option<LimitId> {
        let index = self.buckets.iter().position(|(known, _)| known == name)?;
        u32::try_from(index).ok().map(LimitId)
    }

    /// The limits of a target.
    pub fn of_target(&self, scheme: &str, host: &str, port: u16) -> Vec<LimitId> {
        let matching = self.by_target.iter().filter(|(pattern, _)| pattern.matches(scheme, host, port));
        matching.map(|(_, id)| *id).collect()
    }
}

impl CoreContext {
    /// Waits for a token of every limit of a scenario, or of all scenarios, and of `also`. Returns at once when there
    /// are none.
    pub async fn take_tokens(&self, scenario: Option<u16>, also: &[LimitId]) {
        let of_scenario = scenario.and_then(|index| self.limits.by_scenario.get(usize::from(index)));
        let ids = of_scenario.map_or(&[][..], Vec::as_slice);
        if ids.is_empty() && also.is_empty() {
            return;
        }
        let now_ns = self.clock.now_ns();
        let mut from_ns = now_ns;
        for LimitId(index) in ids.iter().chain(also) {
            if let Some((_, bucket)) = self.limits.buckets.get(*index as usize) {
                from_ns = from_ns.max(bucket.reserve(now_ns, 1));
            }
        }
        self.wait_for_tokens(now_ns, from_ns).await;
    }

    /// Waits for `tokens` of one limit; the nanoseconds that took.
    pub async fn acquire(&self, LimitId(index): LimitId, tokens: u64) -> u64 {
        let Some((_, bucket)) = self.limits.buckets.get(index as usize) else { return 0 };
        let now_ns = self.clock.now_ns();
        self.wait_for_tokens(now_ns, bucket.reserve(now_ns, tokens)).await
    }

    async fn wait_for_tokens(&self, now_ns: u64, from_ns: u64) -> u64 {
        if from_ns <= now_ns {
            return 0;
        }
        self.timer.sleep_until(from_ns).await;
        let waited_ns = self.clock.now_ns().saturating_sub(now_ns);
        self.recorder.borrow_mut().limited(waited_ns);
        waited_ns
    }
}

#[cfg(test)]
mod tests;
