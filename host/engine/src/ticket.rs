//! One iteration to do, and where a virtual user gets its tickets from.

mod closed;
mod counted;
mod open;
#[cfg(test)]
pub(crate) mod testing;

use std::rc::Rc;

use stresshost_metrics::Window;
use stresshost_plan::{Executor, ExternallyControlled, Iterations};

use crate::arrivals::Arrivals;
use crate::context::CoreContext;
use crate::mix::Mix;
use crate::ramp::Ramp;
pub(crate) use closed::Rhythm;
use closed::{ActiveUsers, ClosedUser};
pub(crate) use counted::SharedCount;
use counted::{CountedUser, OwnShare, SharedShare};
use open::OpenShare;

/// One iteration to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Number within the stream of iterations, unique over all cores.
    pub number: u64,
    /// Warm-up or measured, by the intended start.
    pub window: Window,
    /// When it should start, in nanoseconds on the run clock.
    pub intended_ns: u64,
}

/// A ticket that was taken: its iteration is counted as started, and must be begun at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) ticket: Ticket,
    /// The reading of the run clock on which it was taken: when the iteration starts.
    pub(crate) at_ns: u64,
}

/// When a stream runs, in load time, and which scenario an iteration belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) warmup_end_ns: u64,
    pub(crate) mix: Mix,
    /// Scenarios the mix is made of.
    pub(crate) scenarios: Vec<u16>,
}

impl Span {
    pub(crate) const fn window(&self, intended_load_ns: u64) -> Window {
        if intended_load_ns < self.warmup_end_ns { Window::Warmup } else { Window::Measured }
    }

    fn ticket(&self, core: &CoreContext, number: u64, intended_load_ns: u64) -> Ticket {
        Ticket {
            scenario: self.mix.scenario(number),
            number,
            window: self.window(intended_load_ns),
            intended_ns: core.run_ns(intended_load_ns),
        }
    }
}

/// The virtual users of a stream that live on this core: the `first`-th of the stream, and each `stride`-th after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Members {
    pub(crate) first: u64,
    pub(crate) stride: u64,
    /// Virtual users of the stream on all cores.
    pub(crate) of: u64,
}

impl Members {
    /// How many they are.
    pub(crate) const fn len(&self) -> u64 {
        self.of.saturating_sub(self.first).div_ceil(self.stride)
    }

    /// Their places in the stream.
    pub(crate) fn places(&self) -> impl Iterator<Item = u64> + use<> {
        (self.first..self.of).step_by(usize::try_from(self.stride).unwrap_or(usize::MAX))
    }

    /// Cores that have any.
    pub(crate) fn sharers(&self) -> u64 {
        self.stride.min(self.of)
    }
}

/// One core's share of a stream.
pub(crate) enum Share {
    /// Closed model: virtual users that are active by a plan or by a person's wish.
    Closed(Rc<ActiveUsers>),
    /// A number of iterations in all.
    Shared(Rc<SharedShare>),
    /// A number of iterations for each virtual user.
    Own(Rc<OwnShare>),
    /// Open model.
    Open(Rc<OpenShare>),
}

/// What a share is made of.
pub(crate) struct ShareSpec<'a> {
    pub(crate) span: Span,
    pub(crate) executor: &'a Executor,
    pub(crate) rhythm: Rhythm,
    pub(crate) members: Members,
    pub(crate) seed: u64,
    /// The count all cores share, of an executor that has one.
    pub(crate) count: SharedCount,
}

impl Share {
    pub(crate) fn new(spec: ShareSpec<'_>) -> Self {
        let ShareSpec { span, executor, rhythm, members, seed, count } = spec;
        let closed =
            |span, ramp, target| Self::Closed(Rc::new(ActiveUsers::new(span, ramp, rhythm, members, target)));
        let open = |span, arrivals| Self::Open(Rc::new(OpenShare::new(span, arrivals, members)));
        match executor {
            Executor::ConstantVus(config) => closed(span, Ramp::constant(config), None),
            Executor::RampingVus(config) => closed(span, Ramp::new(config), None),
            Executor::SharedIterations(Iterations { iterations, .. }) => {
                Self::Shared(Rc::new(SharedShare::new(span, rhythm, *iterations, count)))
            }
            Executor::PerVuIterations(Iterations { iterations, .. }) => {
                Self::Own(Rc::new(OwnShare::new(span, rhythm, *iterations, members)))
            }
            Executor::ConstantArrivalRate(config) => open(span, Arrivals::constant(config, seed)),
            Executor::RampingArrivalRate(config) => open(span, Arrivals::ramping(config, seed)),
            Executor::ExternallyControlled(config) => match config.rate_per_s {
                Some(rate_per_s) => {
                    let share = OpenShare::steered(span, rate_per_s, members, config.vus);
                    Self::Open(Rc::new(share))
                }
                None => {
                    let ExternallyControlled { vus, duration_ms, .. } = *config;
                    let all = stresshost_plan::ConstantVus { vus: members.of, duration_ms, ramp_up_ms: 0 };
                    closed(span, Ramp::constant(&all), Some(vus))
                }
            },
            // A schedule holds no shares of mixes: they are scenarios of a mix's stream.
            Executor::MixShare(_) => {
                let none = Iterations { vus: 0, iterations: 0, max_duration_ms: 0 };
                Self::Own(Rc::new(OwnShare::new(span, rhythm, none.iterations, members)))
            }
        }
    }

    /// Tickets of the virtual user with this place in the stream.
    pub(crate) fn tickets(&self, place: u64) -> Tickets {
        match self {
            Self::Closed(share) => Tickets::Closed(ClosedUser::new(Rc::clone(share), place)),
            Self::Shared(share) => Tickets::Shared(CountedUser::new(place), Rc::clone(share)),
            Self::Own(share) => Tickets::Own(CountedUser::new(place), Rc::clone(share)),
            Self::Open(share) => Tickets::Open(Rc::clone(share), place),
        }
    }

    /// Changes the number of virtual users that are active; those asked for beyond the stream's are not there.
    pub(crate) fn scale_vus(&self, core: &CoreContext, vus: u64) {
        match self {
            Self::Closed(share) => share.scale(vus),
            Self::Open(share) => share.scale(core, vus),
            Self::Shared(_) | Self::Own(_) => {}
        }
    }

    /// Changes the rate of an open stream from now on.
    pub(crate) fn scale_rate(&self, core: &CoreContext, rate_per_s: f64) {
        if let Self::Open(share) = self {
            share.scale_rate(core, rate_per_s);
        }
    }

    /// Load time at which the last virtual user of a counted stream had done its last iteration; `None` for streams
    /// that last for a time.
    pub(crate) fn ended_load_ns(&self) -> Option<u64> {
        match self {
            Self::Shared(share) => Some(share.ended_ns()),
            Self::Own(share) => Some(share.ended_ns()),
            Self::Closed(_) | Self::Open(_) => None,
        }
    }

    /// Counts what has become due.
    pub(crate) fn count_due(&self, core: &CoreContext) {
        if let Self::Open(share) = self {
            share.count_due(core, core.load_now_ns());
        }
    }

    /// Counts what was due and never started. Call once, when no virtual user takes tickets any more.
    pub(crate) fn count_dropped(&self, core: &CoreContext) {
        match self {
            Self::Closed(_) | Self::Shared(_) => {}
            Self::Own(share) => share.count_dropped(core),
            Self::Open(share) => share.count_dropped(core),
        }
    }
}

/// Where one virtual user gets its tickets from.
pub(crate) enum Tickets {
    Closed(ClosedUser),
    Shared(CountedUser, Rc<SharedShare>),
    Own(CountedUser, Rc<OwnShare>),
    Open(Rc<OpenShare>, u64),
}

impl Tickets {
    /// The next ticket, once it is due; `None` when there are no more.
    ///
    /// `now_ns` is the run clock as it was read last. Nothing may have been awaited since: then nothing can have
    /// happened on this core in between but the few instructions that led here, and one reading serves for the end of
    /// an iteration and for the start of the next.
    pub(crate) async fn next(&mut self, core: &CoreContext, now_ns: u64) -> Option<Begun> {
        match self {
            Self::Closed(user) => user.next(core, now_ns).await,
            Self::Shared(user, share) => share.next(user, core, now_ns).await,
            Self::Own(user, share) => share.next(user, core, now_ns).await,
            Self::Open(share, place) => share.next(*place, core, now_ns).await,
        }
    }

    /// The virtual user will ask for no more tickets.
    pub(crate) fn give_up(&self, core: &CoreContext) {
        match self {
            Self::Shared(_, share) => share.ends_at(core.load_now_ns()),
            Self::Own(_, share) => share.ends_at(core.load_now_ns()),
            Self::Closed(_) | Self::Open(..) => {}
        }
    }

    /// When the tickets end in load time, unless the run is stopped before.
    pub(crate) fn end_ns(&self) -> u64 {
        match self {
            Self::Closed(user) => user.end_ns(),
            Self::Shared(_, share) => share.end_ns(),
            Self::Own(_, share) => share.end_ns(),
            Self::Open(share, _) => share.end_ns(),
        }
    }
}
