//! What a run shows to those who watch it, and what they may ask of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stresshost_engine::{Event, Steering, Stop};
use stresshost_metrics::Snapshot;
use stresshost_plan::{Executor, Plan};
use tokio::sync::broadcast;

use super::protocol::{
    Halt, MAX_UNREAD_SNAPSHOTS, News, Refusal, Reply, Request, RunState, Scalable, Scale, Status, True,
};

/// The run as its clients see it.
pub(super) struct Board {
    run: String,
    name: String,
    planned_s: f64,
    steering: Steering,
    stop: Stop,
    state: Mutex<State>,
    news: broadcast::Sender<Told>,
}

/// What watchers are told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Snapshot(Arc<Snapshot>),
    End,
}

struct State {
    started: bool,
    aborting: bool,
    ended: bool,
    scalable: Vec<Scalable>,
    latest: Option<Arc<Snapshot>>,
}

impl Board {
    pub(super) fn new(run: &str, plan: &Plan, steering: Steering, stop: Stop) -> Self {
        let schedule = plan.schedule();
        let planned_s = schedule.duration_ms() as f64 / 1e3;
        let streams = schedule.phases.iter().flat_map(|phase| &phase.streams);
        let scalable = streams.filter_map(|stream| match &stream.executor {
            Executor::ExternallyControlled(executor) => Some(Scalable {
                scenario: stream.name.clone(),
                vus: executor.vus,
                max_vus: executor.vus.max(executor.max_vus),
                rate: executor.rate_per_s,
            }),
            _ => None,
        });
        let state = State {
            started: false,
            aborting: false,
            ended: false,
            scalable: scalable.collect(),
            latest: None,
        };
        let name = plan.name.clone();
        let news = broadcast::Sender::new(MAX_UNREAD_SNAPSHOTS);
        Self { run: run.to_owned(), name, planned_s, steering, stop, state: Mutex::new(state), news }
    }

    /// Takes an event of the run. Never waits for a client.
    pub(super) fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::Started => self.state().started = true,
            Event::Aborting { .. } => self.state().aborting = true,
            Event::Tick(tick) => {
                let snapshot = Arc::new(tick.snapshot.clone());
                let mut state = self.state();
                state.latest = Some(Arc::clone(&snapshot));
                // Nobody may be watching.
                drop(self.news.send(Told::Snapshot(snapshot)));
            }
            _ => {}
        }
    }

    /// Tells watchers that the load is over.
    pub(super) fn end(&self) {
        self.state().ended = true;
        drop(self.news.send(Told::End));
    }

    /// How the run is doing now, and everything that comes after it.
    pub(super) fn watch(&self) -> (Reply, broadcast::Receiver<Told>) {
        // Under the lock, so that no snapshot is in neither or in both.
        let state = self.state();
        let news = self.news.subscribe();
        if state.ended {
            drop(self.news.send(Told::End));
        }
        (Reply::done(self.status(&state)), news)
    }

    /// Does what was asked for.
    pub(super) fn answer(&self, request: &Request) -> Reply {
        let mut state = self.state();
        let done = match request {
            Request::Status {} | Request::Watch {} => Ok(()),
            Request::Stop(Halt { now: false }) => {
                self.stop.drain();
                Ok(())
            }
            Request::Stop(Halt { now: true }) => {
                self.stop.now();
                Ok(())
            }
            _ if self.is_stopping(&state) => Err((Refusal::Refused, "the run is stopping".to_owned())),
            Request::Pause {} => {
                self.steering.pause();
                Ok(())
            }
            Request::Resume {} => {
                self.steering.resume();
                Ok(())
            }
            Request::Scale(scale) => self.scale(&mut state, scale),
        };
        match done {
            Ok(()) => Reply::done(self.status(&state)),
            Err((kind, error)) => Reply::refused(kind, error),
        }
    }

    fn scale(&self, state: &mut State, scale: &Scale) -> Result<(), (Refusal, String)> {
        let scenario = scale.scenario.as_deref();
        match (scale.vus, scale.rate) {
            (Some(vus), None) => self.steering.scale_vus(scenario, vus),
            (None, Some(rate)) => self.steering.scale_rate(scenario, rate),
            _ => {
                let message = "a scale has either `vus` or `rate`, iterations per second";
                return Err((Refusal::Request, message.to_owned()));
            }
        }
        .map_err(|error| (Refusal::Refused, error.to_string()))?;
        let all = state.scalable.iter_mut();
        for scalable in all.filter(|scalable| scenario.is_none_or(|name| name == scalable.scenario)).take(1) {
            scalable.vus = scale.vus.unwrap_or(scalable.vus);
            scalable.rate = scale.rate.or(scalable.rate);
        }
        Ok(())
    }

    fn status(&self, state: &State) -> Status {
        let run_state = if self.is_stopping(state) {
            RunState::Stopping
        } else if self.steering.is_paused() {
            RunState::Paused
        } else if state.started {
            RunState::Running
        } else {
            RunState::Preparing
        };
        Status {
            run: self.run.clone(),
            name: self.name.clone(),
            pid: std::process::id(),
            state: run_state,
            elapsed_s: state.latest.as_ref().map_or(0.0, |snapshot| snapshot.t_s),
            planned_s: self.planned_s,
            scalable: state.scalable.clone(),
            snapshot: state.latest.clone(),
        }
    }

    fn is_stopping(&self, state: &State) -> bool {
        state.aborting || state.ended || self.stop.requested()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next line of a watch.
pub(super) async fn next(news: &mut broadcast::Receiver<Told>) -> News {
    let mut missed = 0;
    loop {
        match news.recv().await {
            Ok(Told::Snapshot(snapshot)) => return News::Tick { snapshot, missed },
            Err(broadcast::error::RecvError::Lagged(lost)) => missed += lost,
            Ok(Told::End) | Err(broadcast::error::RecvError::Closed) => return News::End { end: True },
        }
    }
}

#[cfg(test)]
mod tests {
    use stresshost_plan::{ConstantVus, ExternallyControlled, Scenario};

    use super::*;
    use crate::control::protocol::False;

    fn board() -> (Board, Steering, Stop) {
        let steered = ExternallyControlled { vus: 2, max_vus: 9, rate_per_s: Some(5.0), duration_ms: 60_000 };
        let fixed = ConstantVus { vus: 1, duration_ms: 60_000, ramp_up_ms: 0 };
        let scenarios = vec![
            Scenario::new("fixed", Executor::ConstantVus(fixed)),
            Scenario::new("steered", Executor::ExternallyControlled(steered)),
        ];
        let plan = Plan { name: "a plan".into(), scenarios, ..Plan::default() };
        let (steering, stop) = (Steering::new(&plan.schedule()), Stop::default());
        (Board::new("r1", &plan, steering.clone(), stop.clone()), steering, stop)
    }

    fn done(reply: Reply) -> Status {
        match reply {
            Reply::Done { status, .. } => *status,
            Reply::Refused { error, .. } => panic!("{error}"),
        }
    }

    fn refused(reply: Reply) -> (Refusal, String) {
        match reply {
            Reply::Refused { ok: False, kind, error } => (kind, error),
            Reply::Done { .. } => panic!("it was done"),
        }
    }

    fn scale(scenario: Option<&str>, vus: Option<u64>, rate: Option<f64>) -> Request {
        Request::Scale(Scale { scenario: scenario.map(str::to_owned), vus, rate })
    }

    #[test]
    fn a_status_tells_what_the_run_does() {
        let (board, steering, stop) = board();
        let state = || done(board.answer(&Request::Status {})).state;
        assert_eq!(state(), RunState::Preparing);
        board.on_event(&Event::Started);
        assert_eq!(state(), RunState::Running);
        assert_eq!(done(board.answer(&Request::Pause {})).state, RunState::Paused);
        assert!(steering.is_paused());
        assert_eq!(done(board.answer(&Request::Resume {})).state, RunState::Running);
        assert!(!stop.requested());
        assert_eq!(done(board.answer(&Request::Stop(Halt { now: false }))).state, RunState::Stopping);
        assert!(stop.requested());
        for late in [Request::Pause {}, Request::Resume {}, scale(None, Some(1), None)] {
            assert_eq!(refused(board.answer(&late)).1, "the run is stopping");
        }
        // More of the same is no contradiction.
        done(board.answer(&Request::Stop(Halt { now: true })));
    }

    #[test]
    fn what_is_scaled_is_shown() {
        let (board, ..) = board();
        let status = done(board.answer(&scale(None, Some(9), None)));
        let scaled = |vus, rate| Scalable { scenario: "steered".into(), vus, max_vus: 9, rate: Some(rate) };
        assert_eq!(status.scalable, [scaled(9, 5.0)]);
        let status = done(board.answer(&scale(Some("steered"), None, Some(0.5))));
        assert_eq!(status.scalable, [scaled(9, 0.5)]);
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let (board, ..) = board();
        let before = done(board.answer(&Request::Status {}));
        for (request, kind, words) in [
            (scale(None, None, None), Refusal::Request, "either `vus` or `rate`"),
            (scale(None, Some(1), Some(1.0)), Refusal::Request, "either `vus` or `rate`"),
            (scale(None, Some(10), None), Refusal::Refused, "the most of `steered` is 9"),
            (scale(Some("fixed"), Some(1), None), Refusal::Refused, "`steered`"),
            (scale(None, None, Some(-1.0)), Refusal::Refused, "-1"),
        ] {
            let (is, error) = refused(board.answer(&request));
            assert!(is == kind && error.contains(words), "{request:?}: {error}");
        }
        assert_eq!(done(board.answer(&Request::Status {})), before);
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_what_it_missed() {
        let (board, ..) = board();
        let (_, mut news) = board.watch();
        let json = serde_json::json!({
            "t_s": 1.0, "interval_s": 1.0, "vus_busy": 0, "fired": 0, "done": 0, "errors": 0,
            "bytes_received": 0, "response_us": null, "lag_p99_us": 0, "scenarios": [],
        });
        let snapshot: Arc<Snapshot> = Arc::new(serde_json::from_value(json).expect("a snapshot"));
        for _ in 0..MAX_UNREAD_SNAPSHOTS + 3 {
            drop(board.news.send(Told::Snapshot(Arc::clone(&snapshot))));
        }
        let News::Tick { missed, .. } = next(&mut news).await else { panic!("no snapshot") };
        assert_eq!(missed, 3);
        board.end();
        let mut left = 0;
        while let News::Tick { missed, .. } = next(&mut news).await {
            left += missed + 1;
        }
        assert_eq!(left, MAX_UNREAD_SNAPSHOTS as u64 - 1);
        let (_, mut late) = board.watch();
        assert_eq!(next(&mut late).await, News::End { end: True }, "whoever comes late is told at once");
    }
}
