//! Steering a run while it goes on: pause, resume, scale.

use std::sync::Arc;

use stresshost_plan::{Executor, Schedule};
use tokio::sync::watch;

/// What a person wants of a run. Absolute, so a core that hears late has missed nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) paused: bool,
    /// By phase and stream: virtual users and rate, as far as they were changed.
    pub(crate) scale: Vec<((usize, usize), Scale)>,
}

/// A wish about one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Scale {
    pub(crate) vus: Option<u64>,
    pub(crate) rate_per_s: Option<f64>,
}

/// Why a wish cannot be met.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// The plan has no stream that can be scaled.
    #[error(
        "nothing in this plan can be scaled: only scenarios with the executor `externally-controlled` can, and it has none"
    )]
    NothingToScale,
    /// No such scenario.
    #[error("`{name}` is not a scenario that can be scaled; those that can: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those that can be scaled.
        known: String,
    },
    /// Several scenarios can be scaled and none was named.
    #[error("name the scenario to scale, one of: {known}")]
    Ambiguous {
        /// Those that can be scaled.
        known: String,
    },
    /// More virtual users than were made.
    #[error("{vus} virtual users; the most of `{name}` is {max}, the `max_vus` of its plan")]
    TooMany {
        /// The scenario.
        name: String,
        /// What was asked for.
        vus: u64,
        /// The most.
        max: u64,
    },
    /// A rate for a closed model, or one that is no rate.
    #[error("`{name}`: {why}")]
    Rate {
        /// The scenario.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Something that can be scaled.
#[derive(Clone, Debug)]
struct Scalable {
    place: (usize, usize),
    name: String,
    max_vus: u64,
    open: bool,
}

/// Steers a run; clone it freely. Made for a plan's [`Schedule`].
#[derive(Clone, Debug)]
pub struct Steering {
    scalable: Arc<[Scalable]>,
    wishes: Arc<watch::Sender<Wishes>>,
}

impl Steering {
    /// Steering for a run of this schedule.
    pub fn new(schedule: &Schedule) -> Self {
        let mut scalable = Vec::new();
        for (phase, scheduled) in schedule.phases.iter().enumerate() {
            for (stream, config) in scheduled.streams.iter().enumerate() {
                if let Executor::ExternallyControlled(executor) = &config.executor {
                    scalable.push(Scalable {
                        place: (phase, stream),
                        name: config.name.clone(),
                        max_vus: executor.vus.max(executor.max_vus),
                        open: executor.rate_per_s.is_some(),
                    });
                }
            }
        }
        Self { scalable: scalable.into(), wishes: Arc::new(watch::Sender::new(Wishes::default())) }
    }

    /// Stops load time: nothing new begins, what is in flight goes on.
    pub fn pause(&self) {
        self.wishes.send_if_modified(|wishes| !std::mem::replace(&mut wishes.paused, true));
    }

    /// Lets load time go on; the schedule has moved by the length of the pause.
    pub fn resume(&self) {
        self.wishes.send_if_modified(|wishes| std::mem::replace(&mut wishes.paused, false));
    }

    /// Whether the run is to stand still.
    pub fn is_paused(&self) -> bool {
        self.wishes.borrow().paused
    }

    /// Changes the virtual users of a scenario, or of the only one that can be scaled.
    ///
    /// # Errors
    /// When there is no such scenario or it has not so many.
    pub fn scale_vus(&self, scenario: Option<&str>, vus: u64) -> Result<(), ControlError> {
        let scalable = self.find(scenario)?;
        if vus > scalable.max_vus {
            let (name, max) = (scalable.name.clone(), scalable.max_vus);
            return Err(ControlError::TooMany { name, vus, max });
        }
        self.wish(scalable.place, |scale| scale.vus = Some(vus));
        Ok(())
    }

    /// Changes the rate of a scenario, or of the only one that can be scaled.
    ///
    /// # Errors
    /// When there is no such scenario, it has no rate, or the number is none.
    pub fn scale_rate(&self, scenario: Option<&str>, rate_per_s: f64) -> Result<(), ControlError> {
        let scalable = self.find(scenario)?;
        let refuse = |why: String| Err(ControlError::Rate { name: scalable.name.clone(), why });
        if !scalable.open {
            return refuse("it has no rate: its virtual users iterate as fast as they can".to_owned());
        }
        if !(0.0..=stresshost_plan::MAX_RATE_PER_S).contains(&rate_per_s) {
            return refuse(format!("{rate_per_s} per second; 0 to {}", stresshost_plan::MAX_RATE_PER_S));
        }
        self.wish(scalable.place, |scale| scale.rate_per_s = Some(rate_per_s));
        Ok(())
    }

    fn wish(&self, place: (usize, usize), change: impl FnOnce(&mut Scale)) {
        self.wishes.send_modify(|wishes| {
            if let Some((_, scale)) = wishes.scale.iter_mut().find(|(known, _)| *known == place) {
                change(scale);
            } else {
                let mut scale = Scale::default();
                change(&mut scale);
                wishes.scale.push((place, scale));
            }
        });
    }

    fn find(&self, scenario: Option<&str>) -> Result<&Scalable, ControlError> {
        let known = || {
            let names: Vec<String> = self.scalable.iter().map(|known| format!("`{}`", known.name)).collect();
            names.join(", ")
        };
        match (scenario, &*self.scalable) {
            (_, []) => Err(ControlError::NothingToScale),
            (None, [only]) => Ok(only),
            (None, _) => Err(ControlError::Ambiguous { known: known() }),
            (Some(name), all) => all
                .iter()
                .find(|known| known.name == name)
                .ok_or_else(|| ControlError::Unknown { name: name.to_owned(), known: known() }),
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Wishes> {
        self.wishes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use stresshost_plan::{ExternallyControlled, Plan, Scenario};

    use super::*;

    fn steering(rates: &[Option<f64>]) -> Steering {
        let scenario = |(index, rate_per_s): (usize, &Option<f64>)| {
            let config =
                ExternallyControlled { vus: 1, max_vus: 5, rate_per_s: *rate_per_s, duration_ms: 1_000 };
            Scenario::new(format!("s{index}"), Executor::ExternallyControlled(config))
        };
        let scenarios = rates.iter().enumerate().map(scenario).collect();
        Steering::new(&Plan { scenarios, ..Plan::default() }.schedule())
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        assert_eq!(steering(&[]).scale_vus(None, 1), Err(ControlError::NothingToScale));
        let two = steering(&[None, Some(3.0)]);
        assert!(matches!(two.scale_vus(None, 1), Err(ControlError::Ambiguous { .. })));
        assert!(matches!(two.scale_vus(Some("s7"), 1), Err(ControlError::Unknown { .. })));
        assert!(matches!(two.scale_vus(Some("s0"), 6), Err(ControlError::TooMany { max: 5, .. })));
        assert!(matches!(two.scale_rate(Some("s0"), 1.0), Err(ControlError::Rate { .. })));
        for rate in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert!(matches!(two.scale_rate(Some("s1"), rate), Err(ControlError::Rate { .. })), "{rate}");
        }
        assert_eq!(two.watch().borrow().scale, []);
    }

    #[test]
    fn wishes_are_absolute() {
        let steering = steering(&[Some(3.0)]);
        steering.pause();
        steering.pause();
        steering.scale_rate(None, 7.0).expect("it has a rate");
        steering.scale_vus(Some("s0"), 2).expect("it has users");
        let wishes = steering.watch().borrow().clone();
        assert!(wishes.paused);
        assert_eq!(wishes.scale, [((0, 0), Scale { vus: Some(2), rate_per_s: Some(7.0) })]);
        steering.resume();
        assert!(!steering.is_paused());
    }
}
