//! The client's books: which link, which calls, which turns. Everything that changes them comes
//! through here, one thing at a time; nothing in here waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::listeners::{Dispatcher, Notice, StateChange};
use crate::connection::{self, Outbox, Upper};
use crate::errors::{Draft, Error};
use crate::logging::{Level, LogRecord};
use crate::options::Options;
use crate::requests::{Cause, Requests, error_of};
use crate::turn::Entry;
use crate::wire::errors::Leaf;
use crate::wire::machine::{CONNECTION, ConnectionState, Effect, Signal, step};

/// The outcome of an attempt, for everybody who waits for it.
type Attempt = Option<Result<(), Error>>;

/// The books and what they are kept with.
pub(crate) struct Hub {
    pub(crate) options: Arc<Options>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(super) me: Weak<Hub>,
    books: Mutex<Books>,
}

#[derive(Default)]
pub(super) struct Books {
    pub(super) link: Link,
    pub(super) requests: Requests,
    /// Turns by id, in the order in which they started.
    pub(super) turns: BTreeMap<u64, Entry>,
    pub(super) turn_ids: HashMap<String, u64>,
    /// Capabilities of the server by session.
    pub(super) sessions: HashMap<String, HashSet<String>>,
    pub(super) serial: u64,
}

pub(super) struct Link {
    pub(super) state: ConnectionState,
    pub(super) number: u64,
    pub(super) outbox: Option<Arc<Outbox>>,
    pub(super) attempt: watch::Sender<Attempt>,
    /// One for each driver task that may still run.
    pub(super) tasks: Vec<Task>,
    pub(super) malformed: u32,
    pub(super) runtime: Option<Handle>,
    /// The time, while frames that came together are handed out: they came at once.
    pub(super) now: Option<Duration>,
}

/// A driver task: how to learn that it ended, and how to end it.
pub(crate) struct Task {
    pub(crate) ended: watch::Receiver<bool>,
    pub(crate) abort: AbortHandle,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: CONNECTION.initial,
            number: 0,
            outbox: None,
            attempt: watch::Sender::new(None),
            tasks: Vec::new(),
            malformed: 0,
            runtime: None,
            now: None,
        }
    }
}

impl Hub {
    pub(crate) fn new(options: Options) -> Arc<Self> {
        let options = Arc::new(options);
        Arc::new_cyclic(|me| Self {
            dispatcher: Dispatcher::new(options.logger.clone()),
            options,
            me: me.clone(),
            books: Mutex::default(),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.lock().link.state
    }

    // --- the link

    /// Starts an attempt, or joins the one that runs; none when the link is open.
    pub(crate) fn connect(&self) -> Result<Option<watch::Receiver<Attempt>>, Error> {
        let mut books = self.lock();
        match books.link.state {
            ConnectionState::Open => Ok(None),
            ConnectionState::Connecting => Ok(Some(books.link.attempt.subscribe())),
            _ => self.start_attempt(&mut books).map(Some),
        }
    }

    pub(super) fn start_attempt(
        &self,
        books: &mut Books,
    ) -> Result<watch::Receiver<Attempt>, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::argument("connecting needs a tokio runtime around it"))?;
        books.link.runtime = Some(runtime.clone());
        books.link.number += 1;
        books.link.malformed = 0;
        let number = books.link.number;
        let outbox = Arc::new(Outbox::default());
        books.link.outbox = Some(Arc::clone(&outbox));
        books.link.attempt = watch::Sender::new(None);
        let attempt = books.link.attempt.subscribe();
        let (done, ended) = watch::channel(false);
        books.link.tasks.retain(|task| !*task.ended.borrow());
        self.move_link(books, Signal::Connect, None, None);
        let (me, options) = (self.me.clone(), Arc::clone(&self.options));
        let driver = Driver {
            hub: self.me.clone(),
            link: number,
            over: false,
        };
        let task = runtime.spawn(async move {
            let upper = || me.upgrade().map(|hub| hub as Arc<dyn Upper>);
            connection::run(&upper, number, options, outbox).await;
            driver.end();
            let _ = done.send(true);
        });
        books.link.tasks.push(Task {
            ended,
            abort: task.abort_handle(),
        });
        Ok(attempt)
    }

    /// Steps the connection machine and tells the listeners; returns the close code to send.
    pub(super) fn move_link(
        &self,
        books: &mut Books,
        signal: Signal,
        code: Option<u16>,
        error: Option<Error>,
    ) -> Option<u16> {
        let previous = books.link.state;
        let (current, effects) = step(&CONNECTION, previous, signal, |_| false)?;
        books.link.state = current;
        let close = effects
            .iter()
            .find_map(|effect| connection::close_code(*effect));
        let change = StateChange {
            previous,
            current,
            reason: signal.as_str(),
            code: code.or(close),
            error,
        };
        let text = format!(
            "{} -> {} ({})",
            previous.as_str(),
            current.as_str(),
            change.reason
        );
        self.notify(&books.link, Notice::Log(LogRecord::new(Level::Info, text)));
        self.notify(&books.link, Notice::State(change));
        close
    }

    pub(super) fn notify(&self, link: &Link, notice: Notice) {
        self.dispatcher
            .push(notice, self.options.clock.busy(), link.runtime.as_ref());
    }

    /// Closes the link and settles everything in flight (REQ-CONN-05, REQ-CONN-06). Returns what
    /// has to end before the client is quiet.
    pub(crate) fn close(&self) -> Vec<Task> {
        let mut books = self.lock();
        let close = self.move_link(&mut books, Signal::Close, None, None);
        if let Some(outbox) = books.link.outbox.take() {
            outbox.close(close.unwrap_or(1000));
        }
        let cause = Cause::default();
        if let Some(error) = error_of(Effect::SettleFailedClientClosed, &cause) {
            books.link.attempt.send_modify(|attempt| {
                attempt.get_or_insert(Err(error.clone()));
            });
            self.settle_all(&mut books, Signal::Close, &cause, &error);
        }
        std::mem::take(&mut books.link.tasks)
    }

    /// Settles every call, turn and verb.
    pub(super) fn settle_all(
        &self,
        books: &mut Books,
        signal: Signal,
        cause: &Cause<'_>,
        verbs: &Error,
    ) {
        books.requests.fail_all(signal, cause);
        let serials: Vec<u64> = books.turns.keys().copied().collect();
        for serial in serials {
            self.with_turn(books, serial, |turn, desk| {
                turn.on_local(signal, cause, desk);
                turn.abandon_verbs(verbs);
            });
        }
    }

    /// Makes sure that a frame can be queued (REQ-CONN-09).
    pub(super) fn ready(&self, books: &mut Books) -> Result<(), Error> {
        match books.link.state {
            ConnectionState::Open | ConnectionState::Connecting => Ok(()),
            _ if self.options.lazy => self.start_attempt(books).map(drop),
            _ => Err(
                error_of(Effect::SettleFailedNotConnected, &Cause::default())
                    .unwrap_or_else(|| Error::argument("not connected")),
            ),
        }
    }

    /// Remembers what the server of a session can do.
    pub(crate) fn learn(&self, session_id: &str, capabilities: Option<&[String]>) {
        let words = capabilities.unwrap_or_default().iter().cloned().collect();
        self.lock().sessions.insert(session_id.to_owned(), words);
    }

    pub(crate) fn now(&self) -> Duration {
        self.options.clock.now()
    }

    /// Error of an attempt whose task is gone.
    pub(crate) fn gone() -> Error {
        Draft::new("the attempt was given up").end(Leaf::ConnectFailed)
    }
}

/// Tells the hub when the runtime of a link dies under it (REQ-CONN-24).
struct Driver {
    hub: Weak<Hub>,
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
        if self.over {
            return;
        }
        let Some(hub) = self.hub.upgrade() else {
            return;
        };
        let link = self.link;
        let free = hub.books.try_lock().is_ok();
        if free {
            hub.orphaned(link);
        } else {
            // Whoever holds the books may be the one that dropped this.
            std::thread::spawn(move || hub.orphaned(link));
        }
    }
}

impl Drop for Hub {
    /// A client that is dropped open closes its link; nothing waits for that.
    fn drop(&mut self) {
        let mut books = self.lock();
        if let Some(outbox) = books.link.outbox.take() {
            outbox.close(1000);
        }
    }
}
