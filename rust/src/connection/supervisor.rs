//! Where the link stands: steps the machine `connection`, makes attempts, and holds the outbox that
//! outlives a link. Kept under the lock of the books; nothing in here waits.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::link::{self, End, Upper};
use super::outbox::{Outbox, Outgoing};
use super::writer::Writer;
use crate::errors::{Draft, Error};
use crate::listeners::{Dispatcher, FrameTap, Notice, StateChange};
use crate::logging::{Level, LogRecord};
use crate::observer::Seen;
use crate::options::{Options, Token};
use crate::wire::codes::{Again, close_code};
use crate::wire::errors::Leaf;
use crate::wire::steps::{CONNECTION, ConnectionEffect, ConnectionState, Facts, Retry, Signal};

/// The outcome of an attempt, for everybody who waits for it.
pub(crate) type Attempt = Option<Result<(), Error>>;

/// A driver task: how to learn that it ended, and how to end it.
pub(crate) struct Task {
    pub(crate) ended: watch::Receiver<bool>,
    pub(crate) abort: AbortHandle,
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
    outbox: Outbox,
    writer: Option<Arc<Writer>>,
    attempt: watch::Sender<Attempt>,
    /// One for each driver task that may still run.
    tasks: Vec<Task>,
    runtime: Option<Handle>,
    /// Malformed frames in a row.
    malformed: usize,
}

/// What a move of the link says beside the state.
#[derive(Default)]
struct Told {
    code: Option<u16>,
    error: Option<Error>,
}

impl Supervisor {
    pub(crate) fn new(
        options: Arc<Options>,
        dispatcher: Arc<Dispatcher>,
        tap: Arc<FrameTap>,
        upper: Weak<dyn Upper>,
    ) -> Self {
        Self {
            options,
            dispatcher,
            tap,
            upper,
            state: CONNECTION.initial,
            number: 0,
            outbox: Outbox::default(),
            writer: None,
            attempt: watch::Sender::new(None),
            tasks: Vec::new(),
            runtime: None,
            malformed: 0,
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.state
    }

    /// The runtime of the newest link: where timers run.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
    }

    /// Starts an attempt, or joins the one that runs; none when the link is open.
    pub(crate) fn connect(&mut self) -> Result<Option<watch::Receiver<Attempt>>, Error> {
        match self.state {
            ConnectionState::Open => Ok(None),
            ConnectionState::Connecting | ConnectionState::Reconnecting => {
                Ok(Some(self.attempt.subscribe()))
            }
            ConnectionState::Idle | ConnectionState::Closed => self.begin().map(Some),
        }
    }

    /// Makes sure that a frame can be queued (REQ-CONN-09).
    pub(crate) fn ready(&mut self) -> Result<(), Error> {
        match self.state {
            ConnectionState::Open | ConnectionState::Connecting | ConnectionState::Reconnecting => {
                Ok(())
            }
            _ if self.options.lazy => self.begin().map(drop),
            _ => Err(Draft::default().end(Leaf::NotConnected)),
        }
    }

    /// Queues a frame behind all others.
    pub(crate) fn submit(&mut self, frame: Arc<Outgoing>) {
        self.outbox.put(frame, || self.options.busy());
    }

    fn begin(&mut self) -> Result<watch::Receiver<Attempt>, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::argument("connecting needs a tokio runtime around it"))?;
        self.dispatcher.run_on(runtime.clone());
        self.runtime = Some(runtime.clone());
        self.number += 1;
        self.malformed = 0;
        let writer = Arc::new(Writer::shown(Arc::clone(&self.tap)));
        self.writer = Some(Arc::clone(&writer));
        self.attempt = watch::Sender::new(None);
        let attempt = self.attempt.subscribe();
        self.tasks.retain(|task| !*task.ended.borrow());
        self.step(Signal::Connect, &Told::default());
        self.drive(&runtime, writer);
        Ok(attempt)
    }

    fn drive(&mut self, runtime: &Handle, writer: Arc<Writer>) {
        let (done, ended) = watch::channel(false);
        let (upper, options, number) = (self.upper.clone(), Arc::clone(&self.options), self.number);
        let driver = Driver {
            upper: self.upper.clone(),
            link: number,
            over: false,
        };
        let task = runtime.spawn(async move {
            link::run(&|| upper.upgrade(), number, options, writer).await;
            driver.end();
            let _ = done.send(true);
        });
        self.tasks.push(Task {
            ended,
            abort: task.abort_handle(),
        });
    }

    // --- what the link tells

    /// Whether an attempt is the newest one and still runs.
    fn is_attempt(&self, link: u64) -> bool {
        self.number == link && self.state == ConnectionState::Connecting
    }

    /// Whether a link is the open one.
    pub(crate) fn is_open(&self, link: u64) -> bool {
        self.number == link && self.state == ConnectionState::Open
    }

    /// The handshake succeeded; false when nobody wants the link any more.
    pub(crate) fn opened(&mut self, link: u64) -> bool {
        let wanted = self.is_attempt(link);
        if wanted {
            self.step(Signal::Opened, &Told::default());
            if let Some(writer) = self.writer.clone() {
                self.outbox.ready(writer, || self.options.busy());
            }
            self.attempt.send_replace(Some(Ok(())));
            self.attempted(None);
        }
        wanted
    }

    /// The attempt failed; false when it is not the one that counts. Whoever waits for it is told
    /// by [`Supervisor::tell_attempt`], after what waited for the link.
    pub(crate) fn failed(&mut self, link: u64, error: &Error) -> bool {
        let counts = self.is_attempt(link);
        if counts {
            let told = Told {
                error: Some(error.clone()),
                ..Told::default()
            };
            self.step(Signal::ConnectFailed, &told);
            self.writer = None;
            self.attempted(Some(error));
        }
        counts
    }

    fn attempted(&self, error: Option<&Error>) {
        let host = || self.options.place.to_string();
        self.dispatcher
            .seen(|| Seen::Attempt(host(), error.cloned()));
    }

    /// Tells those who wait for the attempt what became of it; the first outcome counts.
    pub(crate) fn tell_attempt(&self, outcome: Result<(), Error>) {
        self.attempt.send_modify(|attempt| {
            attempt.get_or_insert(outcome);
        });
    }

    /// The link ended; false when it is not the one that counts. Returns the code to close it with,
    /// and makes it that of the end where the end has none.
    pub(crate) fn ended(&mut self, link: u64, end: &mut End) -> (bool, Option<u16>) {
        if !self.is_open(link) {
            return (false, None);
        }
        let told = Told {
            code: end.code,
            ..Told::default()
        };
        let close = self.step(end.signal, &told);
        end.code = end.code.or(close);
        self.writer = None;
        (true, close)
    }

    /// Closes the link; what the outbox holds is dropped. Returns what has to end before the client
    /// is quiet.
    pub(crate) fn close(&mut self) -> Vec<Task> {
        self.step(Signal::Close, &Told::default());
        if let Some(writer) = self.writer.take() {
            writer.close(1000); // an attempt: there is nothing to close, but its driver is to end
        }
        std::mem::take(&mut self.tasks)
    }

    /// Counts a malformed frame; true for the first in a row, and at the limit (REQ-WIRE-04).
    pub(crate) fn malformed(&mut self) -> (bool, bool) {
        self.malformed += 1;
        let limit = crate::wire::options::MALFORMED_IN_A_ROW;
        (self.malformed == 1, self.malformed >= limit)
    }

    /// An event came: the row of malformed frames is over.
    pub(crate) fn well_formed(&mut self) {
        self.malformed = 0;
    }

    // --- the machine

    fn facts(&self, told: &Told) -> Facts<'static> {
        let retry = told.code.and_then(close_code).map(|row| match row.retry {
            Again::Yes => Retry::Yes,
            Again::No => Retry::No,
            Again::Renew => Retry::Renew,
        });
        Facts {
            retry,
            // Whether to seek a lost link is not the caller's to say yet: rows with these wait.
            auto_reconnect: Some(false),
            retry_initial: Some(false),
            token_renewable: Some(matches!(self.options.token, Token::Provider(_))),
            ..Facts::default()
        }
    }

    /// Steps the machine and does what it says; returns the close code that it sends.
    fn step(&mut self, signal: Signal, told: &Told) -> Option<u16> {
        let previous = self.state;
        let (current, effects) = CONNECTION.step(previous, signal, &self.facts(told));
        self.state = current;
        let mut close = None;
        for effect in effects {
            match effect {
                ConnectionEffect::Close(code) => {
                    close = Some(*code);
                    if let Some(writer) = &self.writer {
                        writer.close(*code);
                    }
                }
                ConnectionEffect::State(_) => {
                    let code = told.code.or(close);
                    self.tell(previous, signal, code, told.error.clone());
                }
                // Only rows of the reconnecting client ask for these; none fires (see `facts`).
                ConnectionEffect::Attempt(_)
                | ConnectionEffect::Schedule(_)
                | ConnectionEffect::RenewToken
                | ConnectionEffect::Probe
                | ConnectionEffect::Fail(_) => {}
            }
        }
        if !matches!(signal, Signal::Connect | Signal::Opened) {
            self.outbox.gone(signal);
        }
        close
    }

    /// One state event (REQ-CONN-02).
    fn tell(
        &self,
        previous: ConnectionState,
        signal: Signal,
        code: Option<u16>,
        error: Option<Error>,
    ) {
        let (current, reason) = (self.state, signal.as_str());
        let text = format!("{} -> {} ({reason})", previous.as_str(), current.as_str());
        let record = LogRecord::new(Level::Info, text);
        self.dispatcher.push(Notice::Log(record));
        self.dispatcher.push(Notice::State(StateChange {
            previous,
            current,
            reason,
            code,
            error,
        }));
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
