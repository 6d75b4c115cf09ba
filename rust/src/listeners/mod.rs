//! Listeners and the one dispatcher that runs them, in order and in nobody's stack frame
//! (REQ-CONN-07, REQ-CONN-08).

mod frames;

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

pub(crate) use self::frames::FrameTap;
use crate::clock::{Busy, Work};
use crate::errors::Error;
use crate::logging::{Level, LogRecord, Logger};
use crate::observer::{Observer, Seen};
use crate::options::Options;
use crate::wire::events::Event;
use crate::wire::steps::{ConnectionState, Signal};

/// One move of the link (REQ-CONN-02).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StateChange {
    /// The state before.
    pub previous: ConnectionState,
    /// The state now.
    pub current: ConnectionState,
    /// The machine's word for what moved it.
    pub reason: &'static str,
    /// Close code of a closed link.
    pub code: Option<u16>,
    /// The error of a failed attempt, or the one that the link was given up with.
    pub error: Option<Error>,
    /// Number of the attempt to come, from 1; none when none is to come (REQ-CONN-31).
    pub attempt: Option<u32>,
    /// How long until that attempt; zero = at once, with another token (REQ-CONN-34).
    pub retry_in: Option<Duration>,
    /// Whether events outside a turn may have been missed: the link was found again after a session
    /// had been opened (REQ-CONN-42).
    pub missed: bool,
}

impl StateChange {
    /// The line of the log; a warning where the link was given up behind the caller's back
    /// (REQ-CONN-41).
    pub(crate) fn record(&self) -> LogRecord {
        let (previous, current) = (self.previous.as_str(), self.current.as_str());
        let mut text = format!("{previous} -> {current} ({})", self.reason);
        if let Some(code) = self.code {
            let _ = write!(text, ", close code {code}");
        }
        if let (Some(attempt), Some(wait)) = (self.attempt, self.retry_in) {
            let _ = write!(text, ", attempt {attempt} in {} ms", wait.as_millis());
        }
        if let Some(error) = &self.error {
            let _ = write!(text, ": {error}");
        }
        let had_link = matches!(
            self.previous,
            ConnectionState::Open | ConnectionState::Reconnecting
        );
        let gone = had_link && self.current == ConnectionState::Closed;
        let level = match gone && self.reason != Signal::Close.as_str() {
            true => Level::Warning,
            false => Level::Info,
        };
        LogRecord::new(level, text)
    }
}

/// Where a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// From the server.
    In,
    /// To the server.
    Out,
}

/// A frame, as a tap sees it.
#[derive(Clone)]
#[non_exhaustive]
pub struct FrameInfo {
    /// Where it went.
    pub direction: Direction,
    /// Its type or action; none when it was no event.
    pub wire_type: Option<String>,
    /// Its requestId.
    pub request_id: Option<String>,
    /// Its size in bytes.
    pub bytes: usize,
    /// When it went, on the client's clock.
    pub at: Duration,
    /// Its text, only for taps that asked for it.
    pub text: Option<Arc<str>>,
}

impl fmt::Debug for FrameInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameInfo")
            .field("direction", &self.direction)
            .field("wire_type", &self.wire_type)
            .field("request_id", &self.request_id)
            .field("bytes", &self.bytes)
            .field("at", &self.at)
            .finish_non_exhaustive() // the text stays out (REQ-LOG-01)
    }
}

/// Names a listener, to take it off again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

pub(crate) enum Notice {
    State(StateChange),
    Event(Event),
    Frame(FrameInfo),
    Log(LogRecord),
    Seen(Seen),
}

#[derive(Clone)]
pub(crate) enum Listener {
    State(Arc<dyn Fn(StateChange) + Send + Sync>),
    Event(Arc<dyn Fn(Event) + Send + Sync>),
    Frame {
        tap: Arc<dyn Fn(FrameInfo) + Send + Sync>,
        text: bool,
    },
}

impl Listener {
    /// Calls the listener if the notice is for it; false when it panicked.
    fn hear(&self, notice: &Notice) -> bool {
        let call: Box<dyn FnOnce() + '_> = match (self, notice) {
            (Self::State(listen), Notice::State(change)) => Box::new(|| listen(change.clone())),
            (Self::Event(listen), Notice::Event(event)) => Box::new(|| listen(event.clone())),
            (Self::Frame { tap, text }, Notice::Frame(note)) => Box::new(|| {
                let mut note = note.clone();
                note.text = note.text.filter(|_| *text);
                tap(note);
            }),
            _ => return true,
        };
        catch_unwind(AssertUnwindSafe(call)).is_ok()
    }
}

/// All listeners of a client and what they have yet to hear.
pub(crate) struct Dispatcher {
    state: Mutex<State>,
    heard: watch::Sender<u64>,
    logger: Option<Logger>,
    observer: Option<Arc<dyn Observer>>,
    work: Work,
}

#[derive(Default)]
struct State {
    listeners: Vec<(u64, Listener)>,
    drawn: u64,
    waiting: VecDeque<(Notice, Busy)>,
    pushed: u64,
    running: bool,
    complained: Vec<u64>,
    /// Where listeners run: with the driver of the newest link.
    runtime: Option<Handle>,
}

impl Dispatcher {
    pub(crate) fn new(options: &Options) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            heard: watch::Sender::new(0),
            logger: options.logger.clone(),
            observer: options.observer.clone(),
            work: options.work.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, listener: Listener) -> ListenerId {
        let mut state = self.lock();
        state.drawn += 1;
        let id = state.drawn;
        state.listeners.push((id, listener));
        ListenerId(id)
    }

    pub(crate) fn remove(&self, id: ListenerId) {
        self.lock().listeners.retain(|(other, _)| *other != id.0);
    }

    /// Whether somebody taps frames, and whether one of them asked for the text.
    pub(crate) fn taps(&self) -> Option<bool> {
        let state = self.lock();
        state
            .listeners
            .iter()
            .filter_map(|(_, listener)| match listener {
                Listener::Frame { text, .. } => Some(*text),
                _ => None,
            })
            .reduce(|one, other| one || other)
    }

    /// From now on listeners run on the runtime of a link.
    pub(crate) fn run_on(&self, runtime: Handle) {
        self.lock().runtime = Some(runtime);
    }

    /// Whether somebody watches the client.
    pub(crate) fn observes(&self) -> bool {
        self.observer.is_some()
    }

    /// Tells the observer, where there is one.
    pub(crate) fn seen(self: &Arc<Self>, what: impl FnOnce() -> Seen) {
        if self.observes() {
            self.push(Notice::Seen(what()));
        }
    }

    /// Logs at warning.
    pub(crate) fn warn(self: &Arc<Self>, message: String, request_id: Option<&str>) {
        let record = LogRecord::new(Level::Warning, message);
        self.push(Notice::Log(record.about(request_id)));
    }

    pub(crate) fn logs(&self) -> bool {
        self.logger.is_some()
    }

    /// Queues a notice and starts the dispatcher where it does not run.
    pub(crate) fn push(self: &Arc<Self>, notice: Notice) {
        let busy = self.work.begin();
        let mut state = self.lock();
        let wanted = match &notice {
            Notice::Log(_) => self.logger.is_some(),
            Notice::Seen(_) => self.observer.is_some(),
            _ => !state.listeners.is_empty(),
        };
        if !wanted {
            return;
        }
        state.waiting.push_back((notice, busy));
        state.pushed += 1;
        let current = state.runtime.clone();
        let current = current.or_else(|| Handle::try_current().ok());
        if !state.running
            && let Some(runtime) = current
        {
            state.running = true;
            drop(state);
            runtime.spawn(Run::of(self).run());
        }
    }

    fn tell(&self, notice: &Notice, listeners: &[(u64, Listener)]) {
        if let (Notice::Seen(seen), Some(observer)) = (notice, &self.observer) {
            if catch_unwind(AssertUnwindSafe(|| seen.tell(&**observer))).is_err()
                && let Some(logger) = &self.logger
            {
                let record = LogRecord::new(Level::Warning, "the observer panicked");
                let _ = catch_unwind(AssertUnwindSafe(|| logger(&record)));
            }
            return;
        }
        if let (Notice::Log(record), Some(logger)) = (notice, &self.logger) {
            let _ = catch_unwind(AssertUnwindSafe(|| logger(record)));
            return;
        }
        for (id, listener) in listeners {
            if listener.hear(notice) {
                continue;
            }
            let tap = matches!(listener, Listener::Frame { .. });
            if tap {
                self.remove(ListenerId(*id));
            }
            let mut state = self.lock();
            let first = !state.complained.contains(id);
            if first {
                state.complained.push(*id);
            }
            drop(state);
            if let (true, Some(logger)) = (first, &self.logger) {
                let end = if tap { "; it was removed" } else { "" };
                let text = format!("a listener panicked{end}");
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    logger(&LogRecord::new(Level::Warning, text))
                }));
            }
        }
    }

    /// Waits until everything that was queued so far was heard.
    pub(crate) async fn flushed(self: &Arc<Self>) {
        let (pushed, idle) = {
            let mut state = self.lock();
            let idle = !state.running && !state.waiting.is_empty();
            state.running |= idle;
            (state.pushed, idle)
        };
        if idle {
            let run = Run::of(self).run();
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(run)),
                Err(_) => run.await,
            }
        }
        let mut heard = self.heard.subscribe();
        let _ = heard.wait_for(|count| *count >= pushed).await;
    }
}

/// A notice, its mark, and who hears it.
type Due = (Notice, Busy, Vec<(u64, Listener)>);

/// The one run of a dispatcher. When its runtime dies under it, another one may begin.
struct Run {
    dispatcher: Arc<Dispatcher>,
    over: bool,
}

impl Run {
    fn of(dispatcher: &Arc<Dispatcher>) -> Self {
        Self {
            dispatcher: Arc::clone(dispatcher),
            over: false,
        }
    }

    async fn run(mut self) {
        while let Some((notice, _busy, listeners)) = self.next() {
            self.dispatcher.tell(&notice, &listeners);
            self.dispatcher.heard.send_modify(|count| *count += 1);
            tokio::task::yield_now().await;
        }
    }

    fn next(&mut self) -> Option<Due> {
        let mut state = self.dispatcher.lock();
        let Some((notice, busy)) = state.waiting.pop_front() else {
            state.running = false;
            self.over = true;
            return None;
        };
        Some((notice, busy, state.listeners.clone()))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.over {
            self.dispatcher.lock().running = false;
        }
    }
}
