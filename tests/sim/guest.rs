//! A guest whose every deed is scripted, and which keeps its own log of what it did.

use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stresshost_clock::NS_PER_MS;
use stresshost_engine::{CoreContext, Fault, Guest, GuestCore, GuestVu, Ticket, VuError, VuInfo};
use stresshost_metrics::{ErrorKind, IterationEnd, OpId, Phases, Sample, Window};

/// What the guest will do. The same script and ticket give the same iteration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    /// Least and greatest service time of an iteration in milliseconds.
    pub(crate) service_ms: (u64, u64),
    pub(crate) fail_percent: u64,
    pub(crate) fault_percent: u64,
    /// The only scenario that breaks; none: all do.
    pub(crate) breaks_only: Option<u16>,
    pub(crate) endless_percent: u64,
    /// While the target stands still nothing completes: milliseconds since the load began, from and to.
    pub(crate) stall_ms: Option<(u64, u64)>,
    /// Number of an iteration in which the guest panics.
    pub(crate) panics_at: Option<u64>,
    /// Whether every fault has its own text.
    pub(crate) distinct_texts: bool,
    /// Whether every iteration takes tokens of the limits of its scenario first.
    pub(crate) takes_tokens: bool,
    /// A limit each iteration acquires this many tokens of.
    pub(crate) acquires: Option<(String, u64)>,
    pub(crate) setup: Call,
    pub(crate) setup_phase: Call,
    /// The one phase whose `setup_phase` and `start` those are, when it is not all of them.
    pub(crate) only_phase: Option<u16>,
    pub(crate) start: Call,
    /// The one virtual user whose `start` that is, when it is not all of them.
    pub(crate) start_of: Option<u64>,
    /// What `start` does for a virtual user that broke.
    pub(crate) restart: Call,
    pub(crate) finish: Call,
    pub(crate) teardown_phase: Call,
    pub(crate) teardown: Call,
}

/// What a call other than `iterate` does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Call {
    #[default]
    Quick,
    TakesMs(u64),
    Endless,
    Fails,
    Faults,
    Panics,
}

/// Something the guest did, and when on the run clock.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) at_ns: u64,
    pub(crate) deed: Deed,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    Setup {
        part: u16,
    },
    /// The set-up has returned.
    SetUp {
        part: u16,
    },
    SetupPhase {
        part: u16,
        phase: u16,
    },
    SetUpPhase {
        part: u16,
        phase: u16,
    },
    Start {
        vu: Who,
    },
    Begin {
        vu: Who,
        ticket: Ticket,
    },
    /// It has the tokens it asked for at this time: of its scenario's limits, or of the one it acquires.
    Tokens {
        ticket: Ticket,
        asked_ns: u64,
        acquired: bool,
    },
    Fire {
        ticket: Ticket,
    },
    Operation {
        ticket: Ticket,
        fired_ns: u64,
        done_ns: u64,
    },
    End {
        vu: Who,
        ticket: Ticket,
        end: IterationEnd,
    },
    Finish {
        vu: Who,
    },
    TeardownPhase {
        part: u16,
        phase: u16,
    },
    Teardown {
        part: u16,
    },
}

/// A virtual user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) phase: u16,
    pub(crate) id: u64,
    pub(crate) part: u16,
}

impl Deed {
    /// The phase it belongs to; none for the run's own set-ups and tear-downs.
    pub(crate) fn phase(&self) -> Option<u16> {
        match self {
            Self::SetupPhase { phase, .. }
            | Self::SetUpPhase { phase, .. }
            | Self::TeardownPhase { phase, .. } => Some(*phase),
            Self::Start { vu } | Self::Begin { vu, .. } | Self::End { vu, .. } | Self::Finish { vu } => {
                Some(vu.phase)
            }
            Self::Setup { .. } | Self::SetUp { .. } | Self::Teardown { .. } => None,
            Self::Tokens { .. } | Self::Fire { .. } | Self::Operation { .. } => None,
        }
    }
}

/// The guest's log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    /// Threads that made virtual users.
    pub(crate) threads: std::collections::BTreeSet<String>,
    started: std::collections::BTreeSet<Who>,
}

pub(crate) struct Scripted {
    pub(crate) script: Script,
    pub(crate) log: Arc<Mutex<Log>>,
}

pub(crate) struct ScriptedCore {
    script: Script,
    diary: Rc<Diary>,
    op: OpId,
}

pub(crate) struct ScriptedVu {
    who: Who,
    script: Script,
    diary: Rc<Diary>,
    op: OpId,
}

/// The log with the clock of its core.
struct Diary {
    context: Rc<CoreContext>,
    log: Arc<Mutex<Log>>,
}

impl Diary {
    fn open(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, deed: Deed) {
        let at_ns = self.context.clock.now_ns();
        self.open().entries.push(Entry { at_ns, deed });
    }

    async fn act(&self, call: Call, during: &'static str) -> Result<(), VuError> {
        match call {
            Call::Quick => Ok(()),
            Call::TakesMs(ms) => {
                self.context.timer.sleep_until(self.context.clock.now_ns() + ms * NS_PER_MS).await;
                Ok(())
            }
            Call::Endless => std::future::pending().await,
            Call::Fails => Err(VuError::Failed { code: during.into(), message: "as scripted".into() }),
            Call::Faults => Err(VuError::Fault(Fault::new(during, 0, "as scripted"))),
            Call::Panics => panic!("as scripted, in {during}"),
        }
    }
}

impl Guest for Scripted {
    type Core = ScriptedCore;

    fn core(&self, context: Rc<CoreContext>) -> Result<ScriptedCore, VuError> {
        let op = context.names.lock().expect("names").op("work", "test").expect("one name");
        let diary = Rc::new(Diary { context, log: Arc::clone(&self.log) });
        Ok(ScriptedCore { script: self.script.clone(), diary, op })
    }
}

impl GuestCore for ScriptedCore {
    type Vu = ScriptedVu;

    async fn setup(&self, part: u16, context: &str) -> Result<String, VuError> {
        assert!(context.contains("run_id"));
        self.diary.write(Deed::Setup { part });
        self.diary.act(self.script.setup, "setup").await?;
        self.diary.write(Deed::SetUp { part });
        Ok(format!("run of {part}"))
    }

    async fn setup_phase(&self, part: u16, context: &str) -> Result<String, VuError> {
        let context: serde_json::Value = serde_json::from_str(context).expect("a document");
        assert_eq!(context["shared"], format!("run of {part}"));
        let phase = phase_number(context["phase"].as_str().expect("a phase"));
        self.diary.write(Deed::SetupPhase { part, phase });
        self.diary.act(self.script.in_phase(phase, self.script.setup_phase), "setup_phase").await?;
        self.diary.write(Deed::SetUpPhase { part, phase });
        Ok(format!("{phase} of {part}"))
    }

    async fn start(&self, vu: VuInfo, shared: &str) -> Result<ScriptedVu, VuError> {
        let who = Who { phase: vu.phase, id: vu.id, part: vu.part };
        assert_eq!(shared, format!("{} of {}", vu.phase, vu.part));
        assert!(vu.id < vu.count);
        self.diary.write(Deed::Start { vu: who });
        let again = {
            let mut log = self.diary.open();
            log.threads.extend(std::thread::current().name().map(str::to_owned));
            !log.started.insert(who)
        };
        let scripted = self.script.start_of.is_none_or(|only| only == vu.id);
        let call = match (again, scripted) {
            (true, _) => self.script.restart,
            (false, true) => self.script.in_phase(vu.phase, self.script.start),
            (false, false) => Call::Quick,
        };
        self.diary.act(call, "start").await?;
        Ok(ScriptedVu { who, script: self.script.clone(), diary: Rc::clone(&self.diary), op: self.op })
    }

    async fn teardown_phase(&self, part: u16, shared: &str) -> Result<(), VuError> {
        let (phase, of) = shared.split_once(" of ").expect("what `setup_phase` returned");
        assert_eq!(of, part.to_string());
        self.diary.write(Deed::TeardownPhase { part, phase: phase.parse().expect("a number") });
        self.diary.act(self.script.teardown_phase, "teardown_phase").await
    }

    async fn teardown(&self, part: u16, shared: &str) -> Result<(), VuError> {
        assert_eq!(shared, format!("run of {part}"));
        self.diary.write(Deed::Teardown { part });
        self.diary.act(self.script.teardown, "teardown").await
    }
}

/// Phases of simulated plans are called `p0`, `p1`, ...; the only phase of a plan without phases has no name.
fn phase_number(name: &str) -> u16 {
    name.strip_prefix('p').map_or(0, |number| number.parse().expect("a number"))
}

/// An iteration in the log: interrupted unless it ends otherwise.
struct InFlight<'a> {
    diary: &'a Diary,
    vu: Who,
    ticket: Ticket,
    end: IterationEnd,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.diary.write(Deed::End { vu: self.vu, ticket: self.ticket, end: self.end });
    }
}

impl GuestVu for ScriptedVu {
    async fn iterate(&mut self, ticket: Ticket) -> Result<(), VuError> {
        let Self { who: vu, script, diary, op } = self;
        let context = &diary.context;
        diary.write(Deed::Begin { vu: *vu, ticket });
        let mut flight = InFlight { diary, vu: *vu, ticket, end: IterationEnd::Interrupted };
        let fate = script.fate(ticket);
        script.take_tokens(ticket, diary).await;
        let fired_ns = context.clock.now_ns();
        context.recorder.borrow_mut().fired(*op, ticket.scenario, ticket.window);
        diary.write(Deed::Fire { ticket });
        if script.panics_at == Some(ticket.number) {
            flight.end = IterationEnd::Faulted;
            panic!("as scripted, in iteration {}", ticket.number);
        }
        match script.done_ns(ticket, fired_ns, context.load_start_ns.get()) {
            Some(done_ns) => context.timer.sleep_until(done_ns).await,
            None => std::future::pending().await,
        }
        let done_ns = context.clock.now_ns();
        let failed = fate == IterationEnd::Failed;
        context.recorder.borrow_mut().record(&Sample {
            op: *op,
            scenario: ticket.scenario,
            window: ticket.window,
            status: 0,
            error: failed.then_some(ErrorKind::Status5xx),
            intended_ns: ticket.intended_ns,
            fired_ns,
            done_ns,
            phases: Phases::default(),
            bytes_sent: 0,
            bytes_received: 1,
        });
        diary.write(Deed::Operation { ticket, fired_ns, done_ns });
        flight.end = fate;
        match fate {
            IterationEnd::Failed => {
                Err(VuError::Failed { code: "scripted".into(), message: "as scripted".into() })
            }
            IterationEnd::Faulted => {
                let text =
                    if script.distinct_texts { format!("fault {}", ticket.number) } else { "fault".into() };
                Err(VuError::Fault(Fault::new("iterate", vu.part, text)))
            }
            _ => Ok(()),
        }
    }

    async fn finish(&mut self) {
        self.diary.write(Deed::Finish { vu: self.who });
        drop(self.diary.act(self.script.finish, "finish").await);
    }
}

impl Script {
    fn in_phase(&self, phase: u16, call: Call) -> Call {
        if self.only_phase.is_none_or(|only| only == phase) { call } else { Call::Quick }
    }

    async fn take_tokens(&self, ticket: Ticket, diary: &Diary) {
        let context = &diary.context;
        let asked_ns = context.clock.now_ns();
        if self.takes_tokens {
            context.take_tokens(Some(ticket.scenario), &[]).await;
            diary.write(Deed::Tokens { ticket, asked_ns, acquired: false });
        }
        if let Some((name, tokens)) = &self.acquires {
            let asked_ns = context.clock.now_ns();
            let limit = context.limits.named(name).expect("a limit of the plan");
            let waited_ns = context.acquire(limit, *tokens).await;
            assert_eq!(waited_ns, context.clock.now_ns() - asked_ns);
            diary.write(Deed::Tokens { ticket, asked_ns, acquired: true });
        }
    }

    /// A number that depends on nothing but the script and the iteration.
    fn dice(&self, ticket: Ticket, salt: u64) -> u64 {
        let place = (u64::from(ticket.scenario) << 48) ^ (ticket.number << 8) ^ salt;
        crate::random::mix(self.seed ^ crate::random::mix(place))
    }

    fn fate(&self, ticket: Ticket) -> IterationEnd {
        let roll = self.dice(ticket, 1) % 100;
        let breaks = self.breaks_only.is_none_or(|only| only == ticket.scenario);
        let fault_percent = if breaks { self.fault_percent } else { 0 };
        if roll < self.fail_percent {
            IterationEnd::Failed
        } else if roll < self.fail_percent + fault_percent {
            IterationEnd::Faulted
        } else {
            IterationEnd::Finished
        }
    }

    /// When an iteration that was fired at `fired_ns` is done; `None` when it never is.
    fn done_ns(&self, ticket: Ticket, fired_ns: u64, load_start_ns: u64) -> Option<u64> {
        if self.dice(ticket, 2) % 100 < self.endless_percent {
            return None;
        }
        let (least, greatest) = self.service_ms;
        let service_ms = least + self.dice(ticket, 3) % (greatest - least + 1);
        let done_ns = fired_ns + service_ms * NS_PER_MS;
        let Some((from, to)) = self.stall_ms else { return Some(done_ns) };
        let (from_ns, to_ns) = (load_start_ns + from * NS_PER_MS, load_start_ns + to * NS_PER_MS);
        // What would have been done while the target stood still is done when it moves again.
        let stalled = done_ns >= from_ns && fired_ns < to_ns;
        Some(if stalled { done_ns.max(to_ns) } else { done_ns })
    }
}

/// Whether a window is the one that is judged.
pub(crate) fn measured(window: Window) -> bool {
    window == Window::Measured
}
