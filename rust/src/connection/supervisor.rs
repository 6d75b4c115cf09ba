//! Where the link stands: steps the machine `connection`, makes attempts, one at a time, and holds
//! the outbox that outlives a link. Kept under the lock of the books; nothing in here waits.

use std::future::poll_fn;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::counters::{Counters, Counts};
use super::failure::{Failure, Outlook};
use super::link::{self, End, Upper};
use super::liveness::Liveness;
use super::outbox::{Outbox, Outgoing};
use super::seeking::Seeking;
use super::timers::{Timers, Waits};
use super::writer::Writer;
use crate::errors::{Draft, Error};
use crate::listeners::{Dispatcher, FrameTap, Notice, StateChange};
use crate::logging::{Level, LogRecord};
use crate::observer::Seen;
use crate::options::{Options, QueuePolicy};
use crate::wire::actions::{self, Action as _};
use crate::wire::errors::Leaf;
use crate::wire::steps::{CONNECTION, ConnectionEffect, ConnectionState, Ending, Signal, Which};

/// The outcome of an attempt, for everybody who waits for it.
pub(crate) type Attempt = Option<Result<(), Error>>;

/// A driver task: how to learn that it ended, and how to end it.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) ended: watch::Receiver<bool>,
    pub(crate) abort: AbortHandle,
}

impl Task {
    fn runs(&self) -> bool {
        !*self.ended.borrow() && !self.abort.is_finished()
    }
}

/// The one who knows where the link stands.
pub(crate) struct Supervisor {
    options: Arc<Options>,
    dispatcher: Arc<Dispatcher>,
    tap: Arc<FrameTap>,
    upper: Weak<dyn Upper>,
    state: ConnectionState,
    /// Number of the newest attempt; what an older one tells is too late.
    number: u64,
    /// Whether that attempt runs.
    attempting: bool,
    seeking: Seeking,
    timers: Timers,
    liveness: Liveness,
    outbox: Outbox,
    writer: Option<Arc<Writer>>,
    /// Those who wait in `connect`.
    waited: watch::Sender<Attempt>,
    /// One for each driver task that may still run.
    tasks: Vec<Task>,
    /// What runs beside the link: the handlers of questions.
    beside: Vec<Task>,
    runtime: Option<Handle>,
    /// Malformed frames in a row.
    malformed: usize,
    /// How the link ended that was lost last.
    loss: Option<End>,
    counts: Arc<Counts>,
}

/// What a move of the link says beside the state, and what it led to.
#[derive(Default)]
struct Told {
    code: Option<u16>,
    error: Option<Error>,
    /// The attempt that follows and the wait for it.
    next: Option<(u32, Duration)>,
    /// The code that the client closes the link with.
    close: Option<u16>,
    /// Whether events may have been missed.
    missed: bool,
    /// The id of a ping of the client's own.
    pinged: Option<String>,
}

/// What a timer of the link led to.
pub(crate) enum Due {
    /// Nothing but perhaps a ping of the client's own, with this id.
    Pinged(Option<String>),
    /// The open link is dead.
    Dead(End),
}

impl Supervisor {
    pub(crate) fn new(
        options: Arc<Options>,
        dispatcher: Arc<Dispatcher>,
        tap: Arc<FrameTap>,
        upper: Weak<dyn Upper>,
    ) -> Self {
        Self {
            seeking: Seeking::new(&options),
            timers: Timers::new(Arc::clone(&options.clock), upper.clone()),
            liveness: Liveness::new(Arc::clone(&options)),
            options,
            dispatcher,
            tap,
            upper,
            state: CONNECTION.initial,
            number: 0,
            attempting: false,
            outbox: Outbox::default(),
            writer: None,
            waited: watch::Sender::new(None),
            tasks: Vec::new(),
            beside: Vec::new(),
            runtime: None,
            malformed: 0,
            loss: None,
            counts: Arc::default(),
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.state
    }

    /// Whether an attempt runs or follows: what waits for a link goes on waiting.
    pub(crate) fn is_sought(&self) -> bool {
        matches!(
            self.state,
            ConnectionState::Connecting | ConnectionState::Reconnecting
        )
    }

    /// The runtime of the newest link: where timers run.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
    }

    /// What was counted so far.
    pub(crate) fn counters(&self) -> Counters {
        self.counts.read()
    }

    // --- what the caller does

    /// Begins to seek a link, joins the attempt that runs, or ends the wait before the next one
    /// (REQ-CONN-03, REQ-CONN-35); none when the link is open.
    pub(crate) fn connect(&mut self) -> Result<Option<watch::Receiver<Attempt>>, Error> {
        if self.state == ConnectionState::Open {
            return Ok(None);
        }
        let waits = self.waited.subscribe();
        self.seek()?;
        Ok(Some(waits))
    }

    /// Makes sure that a frame can be queued (REQ-CONN-09, REQ-CONN-40).
    pub(crate) fn ready(&mut self) -> Result<(), Error> {
        let fails = |leaf| Err(Draft::default().end(leaf));
        let fail_fast = self.options.seeking.queue_policy == QueuePolicy::FailFast;
        match self.state {
            ConnectionState::Open => return Ok(()),
            ConnectionState::Reconnecting if fail_fast => return fails(Leaf::NotConnected),
            ConnectionState::Connecting | ConnectionState::Reconnecting => {}
            _ if self.options.lazy => {}
            _ => return fails(Leaf::NotConnected),
        }
        if self.outbox.waiting(self.options.clock.now()) >= self.options.seeking.queue_limit {
            return fails(Leaf::QueueFull);
        }
        match self.is_sought() {
            true => Ok(()),
            false => self.seek(),
        }
    }

    /// Queues a frame behind all others.
    pub(crate) fn submit(&mut self, frame: Arc<Outgoing>) {
        self.outbox.put(frame, || self.options.busy());
    }

    /// The program or the platform says that the machine slept, or has a network again: asks the
    /// link whether it lives, or ends the wait for another one. Returns the id of the ping.
    pub(crate) fn wake(&mut self) -> Option<String> {
        self.happens(Signal::Wake)
    }

    /// Closes the link; what the outbox holds is dropped. Returns what has to end before the client
    /// is quiet.
    pub(crate) fn close(&mut self) -> Vec<Task> {
        self.rest();
        self.step(Signal::Close, &Outlook::HOPELESS, Told::default());
        self.outbox.gone(Signal::Close, false);
        if let Some(writer) = self.writer.take() {
            writer.close(1000); // an attempt: there is nothing to close, but its driver is to end
        }
        self.tasks.retain(Task::runs);
        self.tasks.clone()
    }

    /// Runs something beside the link, which a virtual clock waits for until it waits itself.
    pub(crate) fn beside(
        &mut self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Option<AbortHandle> {
        let runtime = self.runtime.as_ref()?;
        let (done, ended) = watch::channel(false);
        let busy = self.options.busy();
        let task = runtime.spawn(async move {
            let mut work = std::pin::pin!(work);
            let mut busy = Some(busy);
            poll_fn(|context| {
                let polled = work.as_mut().poll(context);
                busy = None;
                polled
            })
            .await;
            let _ = done.send(true);
        });
        self.beside.retain(Task::runs);
        let abort = task.abort_handle();
        self.beside.push(Task {
            ended,
            abort: abort.clone(),
        });
        Some(abort)
    }

    /// What runs beside the link and has not ended.
    pub(crate) fn besides(&mut self) -> Vec<Task> {
        self.beside.retain(Task::runs);
        self.beside.clone()
    }

    /// No timer is armed, no attempt is due and none counts.
    fn rest(&mut self) {
        self.timers.clear_all();
        self.seeking.stop();
        self.attempting = false;
    }

    // --- attempts

    fn seek(&mut self) -> Result<(), Error> {
        if !self.is_sought() {
            let runtime = Handle::try_current()
                .map_err(|_| Error::argument("connecting needs a tokio runtime around it"))?;
            self.dispatcher.run_on(runtime.clone());
            self.runtime = Some(runtime);
            self.seeking.begin();
        }
        self.happens(Signal::Connect);
        Ok(())
    }

    /// Takes an event that ends nothing; returns the id of a ping that it led to.
    fn happens(&mut self, signal: Signal) -> Option<String> {
        let told = self.step(signal, &Outlook::HOPELESS, Told::default());
        self.proceed();
        told.pinged
    }

    /// Begins the attempt that is due, where one is: all that the event led to is done.
    pub(crate) fn proceed(&mut self) {
        let (Some(reason), Some(runtime)) = (self.seeking.take(), self.runtime.clone()) else {
            return;
        };
        self.number += 1;
        self.attempting = true;
        self.malformed = 0;
        let writer = Arc::new(Writer::shown(
            Arc::clone(&self.tap),
            Arc::clone(&self.counts),
        ));
        self.writer = Some(Arc::clone(&writer));
        self.tasks.retain(|task| !*task.ended.borrow());
        let mut before: Vec<Task> = self.tasks.clone();
        let gone = async move {
            for task in &mut before {
                let _ = task.ended.wait_for(|ended| *ended).await;
            }
        };
        self.tasks.iter().for_each(|task| task.abort.abort());
        let (done, ended) = watch::channel(false);
        let (upper, options, number) = (self.upper.clone(), Arc::clone(&self.options), self.number);
        let driver = Driver {
            upper: self.upper.clone(),
            link: number,
            over: false,
        };
        let task = runtime.spawn(async move {
            let attempt = link::Attempt { reason, gone };
            link::run(&|| upper.upgrade(), number, attempt, options, writer).await;
            driver.end();
            let _ = done.send(true);
        });
        self.tasks.push(Task {
            ended,
            abort: task.abort_handle(),
        });
    }

    /// Tells those who wait in `connect` what came of it.
    pub(crate) fn answer(&mut self, outcome: Result<(), Error>) {
        let waited = std::mem::replace(&mut self.waited, watch::Sender::new(None));
        waited.send_replace(Some(outcome));
    }

    // --- what the link tells

    /// Whether an attempt is the newest one and still runs.
    fn is_attempt(&self, link: u64) -> bool {
        self.number == link && self.attempting
    }

    /// Whether a link is the open one.
    pub(crate) fn is_open(&self, link: u64) -> bool {
        self.number == link && self.state == ConnectionState::Open
    }

    /// Whether a link is the newest one.
    pub(crate) fn is_newest(&self, link: u64) -> bool {
        self.number == link
    }

    /// The handshake succeeded; false when nobody wants the link any more. Where a session is known
    /// events of it may have been missed (REQ-CONN-42).
    pub(crate) fn opened(&mut self, link: u64, session_known: bool) -> bool {
        let wanted = self.is_attempt(link);
        if wanted {
            self.attempting = false;
            let again = self.state == ConnectionState::Reconnecting;
            self.counts.opened(again);
            let told = Told {
                missed: again && session_known,
                ..Told::default()
            };
            self.step(Signal::Opened, &Outlook::HOPELESS, told);
            self.liveness
                .begin(link, self.runtime.clone(), &mut self.timers);
            if let Some(writer) = self.writer.clone() {
                self.outbox.drop_late(self.options.clock.now());
                self.outbox.attach(writer);
            }
            self.answer(Ok(()));
            self.attempted(None);
        }
        wanted
    }

    /// Offers what waited for the link: what goes first on a new link has gone (REQ-RESUME-03).
    pub(crate) fn release(&mut self) {
        self.outbox.release(|| self.options.busy());
    }

    /// A suspended turn goes on.
    pub(crate) fn resumed(&self) {
        self.counts.resumed();
    }

    /// How the link ended that was lost last.
    pub(crate) fn loss(&self) -> Option<&End> {
        self.loss.as_ref()
    }

    /// The attempt failed; none when it is not the one that counts, else the error that what waited
    /// for it fails with, where no other attempt follows. Whoever waits in `connect` is told by
    /// [`Supervisor::answer`], after what waited for the link.
    pub(crate) fn failed(&mut self, link: u64, failure: &Failure) -> Option<Error> {
        self.is_attempt(link).then(|| self.fail(failure))
    }

    /// No attempt succeeded, or none can follow.
    pub(crate) fn fail(&mut self, failure: &Failure) -> Error {
        self.rest();
        self.writer = None;
        self.seeking.failed(&failure.error);
        let told = Told {
            error: Some(failure.error.clone()),
            ..Told::default()
        };
        let told = self.step(Signal::ConnectFailed, &failure.outlook, told);
        self.outbox.gone(Signal::ConnectFailed, self.is_sought());
        self.attempted(Some(&failure.error));
        told.error.unwrap_or_else(|| failure.error.clone())
    }

    fn attempted(&self, error: Option<&Error>) {
        let host = || self.options.place.to_string();
        self.dispatcher
            .seen(|| Seen::Attempt(host(), error.cloned()));
    }

    /// The open link ended. Returns the code to close it with, and makes it that of the end where
    /// the end has none. `sought`: another link may be sought.
    pub(crate) fn ended(&mut self, end: &mut End, sought: bool) -> Option<u16> {
        self.rest();
        let outlook = match sought {
            true => Outlook::after_close(end.code),
            false => Outlook::HOPELESS,
        };
        let told = Told {
            code: end.code,
            ..Told::default()
        };
        let told = self.step(end.signal, &outlook, told);
        self.outbox.gone(end.signal, self.is_sought());
        end.code = told.code;
        self.loss = Some(end.clone());
        self.writer = None;
        told.close
    }

    /// A timer of the link rang; none when it was taken back.
    pub(crate) fn due(&mut self, kind: Waits, live: &AtomicBool) -> Option<Due> {
        if !self.timers.rang(kind, live) {
            return None;
        }
        let signal = match kind {
            Waits::Retry => Signal::RetryDue,
            Waits::Stable => Signal::Stable,
            Waits::Ping => self.liveness.look(&mut self.timers)?,
            Waits::Pong => return Some(Due::Dead(End::new(Signal::PongTimeout, None))),
            Waits::Probe => return Some(Due::Dead(End::new(Signal::ProbeFailed, None))),
        };
        Some(Due::Pinged(self.happens(signal)))
    }

    /// Messages came: the link lives.
    pub(crate) fn heard(&mut self, now: Duration) {
        self.liveness.heard(now, &mut self.timers);
    }

    /// Counts messages that were read.
    pub(crate) fn read(&self, messages: usize) {
        self.counts.frames_in(messages);
    }

    /// Counts a malformed frame; true for the first in a row, and at the limit (REQ-WIRE-04).
    pub(crate) fn malformed(&mut self) -> (bool, bool) {
        self.counts.dropped();
        self.malformed += 1;
        let limit = crate::wire::options::MALFORMED_IN_A_ROW;
        (self.malformed == 1, self.malformed >= limit)
    }

    /// An event came: the row of malformed frames is over.
    pub(crate) fn well_formed(&mut self) {
        self.malformed = 0;
    }

    // --- the machine

    /// Steps the machine and does what it says.
    fn step(&mut self, signal: Signal, outlook: &Outlook, mut told: Told) -> Told {
        let previous = self.state;
        let facts = self.seeking.facts(&self.options, outlook.retry);
        let (current, effects) = CONNECTION.step(previous, signal, &facts);
        self.state = current;
        for effect in effects {
            match effect {
                ConnectionEffect::Close(code) => {
                    told.close = Some(*code);
                    told.code.get_or_insert(*code);
                    if let Some(writer) = &self.writer {
                        writer.close(*code);
                    }
                }
                ConnectionEffect::State(_) => self.tell(previous, signal, &told),
                ConnectionEffect::Schedule(_) => {
                    let wait = self.seeking.wait(outlook, self.options.draw());
                    told.next = Some((self.seeking.upcoming(), wait));
                    let runtime = self.runtime.as_ref();
                    self.timers.arm(Waits::Retry, wait, self.number, runtime);
                }
                ConnectionEffect::Attempt(Which::Next) => {
                    if !self.attempting && self.seeking.next() {
                        self.timers.clear(Waits::Retry);
                    }
                }
                ConnectionEffect::Attempt(Which::Reset) => self.seeking.reset(),
                ConnectionEffect::RenewToken => {
                    self.seeking.renew();
                    let text = "the credentials were refused, another token is asked for";
                    self.dispatcher
                        .push(Notice::Log(LogRecord::new(Level::Info, text)));
                    told.next = Some((self.seeking.upcoming(), Duration::ZERO));
                }
                ConnectionEffect::Ping => {
                    told.pinged = self.ping();
                    self.liveness.pinged(&mut self.timers);
                }
                ConnectionEffect::Probe => {
                    told.pinged = self.ping();
                    self.liveness.probed(&mut self.timers);
                }
                ConnectionEffect::Fail(Ending::Attempt) => {}
                ConnectionEffect::Fail(_) => told.error = Some(self.exhausted(told.error.take())),
            }
        }
        told
    }

    /// Writes a ping of the client's own (REQ-CONN-38); returns its id.
    fn ping(&mut self) -> Option<String> {
        let id = self.options.draw_id().ok()?;
        let mut ping = actions::Ping::new();
        ping.set_request_id(id.clone());
        let frame = Outgoing::new(actions::Ping::NAME, Some(&id), ping.to_json());
        self.submit(Arc::new(frame));
        Some(id)
    }

    /// The link is given up (REQ-CONN-36).
    fn exhausted(&self, error: Option<Error>) -> Error {
        let draft = Draft::default().place(&self.options.place);
        let cause = error.as_ref().or(self.seeking.last()).cloned();
        draft
            .cause(cause.map(Into::into))
            .end(Leaf::ReconnectExhausted)
    }

    /// One state event (REQ-CONN-02).
    fn tell(&self, previous: ConnectionState, signal: Signal, told: &Told) {
        let change = StateChange {
            previous,
            current: self.state,
            reason: signal.as_str(),
            code: told.code,
            error: told.error.clone(),
            attempt: told.next.map(|(attempt, _)| attempt),
            retry_in: told.next.map(|(_, wait)| wait),
            missed: told.missed,
        };
        self.dispatcher.push(Notice::Log(change.record()));
        self.dispatcher.push(Notice::State(change));
    }
}

impl Drop for Supervisor {
    /// A client that is dropped open closes its link; nothing waits for that.
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.close(1000);
        }
    }
}

/// Tells the room above when the runtime of a link dies under it (REQ-CONN-24).
struct Driver {
    upper: Weak<dyn Upper>,
    link: u64,
    over: bool,
}

impl Driver {
    /// The link ended as links do.
    fn end(mut self) {
        self.over = true;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.over
            && let Some(upper) = self.upper.upgrade()
        {
            upper.orphaned(self.link);
        }
    }
}
