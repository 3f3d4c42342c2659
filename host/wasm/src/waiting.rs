//! How a guest waits for the host.
//!
//! A waiting import leaves its wish with the virtual user and suspends the guest's fiber. Whoever polls the guest's call
//! then does what was wished on the core's own stack, and resumes the guest with the result. Of a waiting user the
//! fiber's stack thus holds the guest's frames and nothing of the protocol engines: with thousands of users those frames
//! would never be in the cache.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crate::bindings::http::Shot;
use crate::mongo::MongoWish;
use crate::redis::RedisWish;
use crate::sql::{SqlHandle, SqlWish};
use crate::state::{Live, VuState};
use crate::tcp::TcpWish;
use crate::wasi_http::Outgoing;

/// What a suspended guest waits for.
pub(crate) enum Wish {
    /// One request.
    Fire { request: u32, values: Vec<String> },
    /// Requests at the same time.
    SendAll(Vec<Shot>),
    /// Time, in microseconds.
    Sleep { duration_us: u64 },
    /// Tokens of a rate limit.
    Acquire { limiter: u32, tokens: u32 },
    /// Commands of Redis.
    Redis(RedisWish),
    /// A command of MongoDB.
    Mongo(MongoWish),
    /// A connection to a database, or a statement.
    SqlHandle(SqlHandle),
    /// A database's doing.
    Sql(SqlWish),
    /// One exchange over TCP.
    TcpSend { exchange: u32, values: Vec<Vec<u8>> },
    /// Bytes over TCP.
    Tcp(TcpWish),
}

/// What came of a wish.
pub(crate) enum Fulfilled {
    Answer(u64),
    Answers(Vec<u64>),
    Slept,
    /// Nanoseconds waited.
    Acquired(u64),
    /// A handle, or why there is none.
    Handle(Result<u32, String>),
    /// Bytes, or the code of an error.
    Bytes(Result<Vec<u8>, u32>),
}

impl VuState {
    /// Suspends the guest until its wish is fulfilled; `None` when it is granted nothing.
    pub(crate) async fn wish(&mut self, wish: Wish) -> Option<Fulfilled> {
        let live = self.live.as_ref()?;
        live.borrow_mut().wish = Some(wish);
        let mut resumed = false;
        // Nobody needs to be woken: who polls the call sees the wish as soon as the guest is suspended.
        poll_fn(|_| if std::mem::replace(&mut resumed, true) { Poll::Ready(()) } else { Poll::Pending })
            .await;
        self.computing.begin();
        self.live.as_ref()?.borrow_mut().fulfilled.take()
    }
}

enum Step<T> {
    Ended(T),
    Wishes(Wish),
}

/// Ends what is under way through WASI when a call is dropped before it returned: nobody will ever read the answers.
struct EndedWithCall {
    outgoing: Rc<Outgoing>,
    returned: bool,
}

impl Drop for EndedWithCall {
    fn drop(&mut self) {
        if !self.returned {
            self.outgoing.end();
        }
    }
}

/// Polls a guest's call to its end, fulfilling its wishes. Dropping the future ends what is under way, the wish first.
pub(crate) async fn drive<F: Future>(live: &RefCell<Live>, call: F) -> F::Output {
    let mut call = pin!(call);
    let mut gave_way = false;
    let mut outgoing = EndedWithCall { outgoing: Rc::clone(&live.borrow().outgoing), returned: false };
    loop {
        let step = poll_fn(|cx| {
            if std::mem::take(&mut gave_way) {
                let mut live = live.borrow_mut();
                live.resumed = live.core.run.epoch.now();
            }
            match call.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Step::Ended(output)),
                Poll::Pending => match live.borrow_mut().wish.take() {
                    Some(wish) => Poll::Ready(Step::Wishes(wish)),
                    // Without a wish the guest waits for something of WASI, or has been computing for long and gives
                    // way to the others on its core.
                    None => {
                        outgoing.outgoing.poll(cx);
                        gave_way = true;
                        Poll::Pending
                    }
                },
            }
        });
        match step.await {
            Step::Ended(output) => {
                outgoing.returned = true;
                if live.borrow().is_unsettled() {
                    Box::pin(settle(live)).await;
                }
                return output;
            }
            // The usual case: nothing can begin through WASI while the guest is suspended.
            Step::Wishes(wish) if outgoing.outgoing.is_idle() => fulfil(live, wish).await,
            Step::Wishes(wish) => {
                // In memory of its own: this future is moved about in every iteration.
                let mut fulfilled = Box::pin(fulfil(live, wish));
                poll_fn(|cx| {
                    outgoing.outgoing.poll(cx);
                    fulfilled.as_mut().poll(cx)
                })
                .await;
            }
        }
    }
}

/// Ends what the call has left open.
#[expect(clippy::await_holding_refcell_ref, reason = "the guest has returned, so nobody else borrows")]
async fn settle(live: &RefCell<Live>) {
    live.borrow_mut().settle_transactions().await;
}

#[expect(
    clippy::await_holding_refcell_ref,
    reason = "the guest is suspended until this is done, so nobody else borrows"
)]
async fn fulfil(live: &RefCell<Live>, wish: Wish) {
    let mut live = live.borrow_mut();
    let fulfilled = match wish {
        Wish::Fire { request, values } => Fulfilled::Answer(live.fire(request, &values).await),
        Wish::SendAll(shots) => Fulfilled::Answers(live.send_all(&shots).await),
        Wish::Sleep { duration_us } => {
            live.sleep(duration_us).await;
            Fulfilled::Slept
        }
        Wish::Acquire { limiter, tokens } => Fulfilled::Acquired(live.acquire(limiter, tokens).await),
        Wish::Redis(RedisWish::Send { command, values }) => {
            Fulfilled::Answer(live.redis_send(command, &values).await)
        }
        Wish::Redis(RedisWish::Pipeline(calls)) => Fulfilled::Answers(live.redis_pipeline(calls).await),
        // In memory of their own: this future is moved about in every iteration.
        Wish::Redis(RedisWish::Open { url, options }) => {
            Fulfilled::Handle(Box::pin(live.redis_handle(&url, &options)).await)
        }
        Wish::Mongo(MongoWish::Execute { command, values }) => {
            Fulfilled::Answer(live.mongo_execute(command, &values).await)
        }
        Wish::Mongo(MongoWish::Run { connection, name, text }) => {
            Fulfilled::Answer(Box::pin(live.mongo_run(connection, &name, &text)).await)
        }
        Wish::Mongo(MongoWish::Open { url, options }) => {
            Fulfilled::Handle(Box::pin(live.mongo_handle(&url, &options)).await)
        }
        Wish::SqlHandle(wish) => Fulfilled::Handle(Box::pin(live.sql_handle(wish)).await),
        Wish::Sql(wish) => Fulfilled::Answer(live.sql_operation(wish).await),
        Wish::TcpSend { exchange, values } => Fulfilled::Answer(live.tcp_send(exchange, &values).await),
        Wish::Tcp(wish) => live.tcp(wish).await,
    };
    live.fulfilled = Some(fulfilled);
}
