//! The books: which link, which calls, which turns, and who gets a frame. Everything that changes
//! them comes through here, one thing at a time; nothing in here waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::calls::{Answer, Calls, Expects, Waiting};
use super::facts::Arrived;
use super::failures::{Cause, too_large};
use super::quiet::Quiet;
use super::sender::{OnTick, Sender};
use super::{Key, Tick};
use crate::connection::{Attempt, Counters, Outgoing, Supervisor, Task, Upper};
use crate::errors::{Draft, Error};
use crate::listeners::{Dispatcher, FrameTap};
use crate::options::Options;
use crate::wire::codes::CAPABILITIES;
use crate::wire::learned::{Fit, Pattern};
use crate::wire::mend::last_string;
use crate::wire::options::OUTBOUND_BYTES;
use crate::wire::steps::{ConnectionState, Ending, Signal};

/// The capability of servers that replay.
const REPLAY: &str = "replay";

/// A turn, as the router sees it. The lock of the books is held during all calls; none may wait.
pub(crate) trait InFlight: Send + Sized + 'static {
    /// Where readers find what the turn shows.
    type Shown: Shown;
    /// What the turns of one client have in common.
    type Line: for<'a> From<&'a Options> + Send + Sync;

    /// A turn that the server accepted already (REQ-VERB-15).
    fn accepted(key: Key, session_id: String, router: &Router<Self>) -> Self;
    /// Takes its place among the turns of its session; whether its message goes out now
    /// (REQ-TURN-31).
    fn enters(&mut self) -> bool;
    /// Starts the clocks of a turn.
    fn begin(&mut self, sender: &mut Sender<'_>);
    fn key(&self) -> &Key;
    fn session_id(&self) -> &str;
    fn shown(&self) -> &Arc<Self::Shown>;
    fn is_live(&self) -> bool;
    /// Whether the turn has no outcome yet for those who wait for it.
    fn is_open(&self) -> bool;
    /// The id that the turn had until now, told once.
    fn moved(&mut self) -> Option<String>;
    /// The turn that may begin now that this one has its outcome, told once.
    fn next(&mut self) -> Option<u64>;
    /// Whether the message waits for the turns before it.
    fn is_waiting(&self) -> bool;
    /// A message that waited goes out.
    fn come_up(&mut self, sender: &mut Sender<'_>);
    /// Whether nothing of the turn is left to wait for.
    fn is_over(&self) -> bool;
    /// Which frames of that signal are an item to the turn and nothing else.
    fn quiet(&self, signal: Signal) -> Quiet;
    /// Frames came that are items and nothing else; `newest`: the number of the last one.
    fn heard(&mut self, now: Duration, newest: Option<i64>);
    fn on_frame(&mut self, arrived: &Arrived<'_>, sender: &mut Sender<'_>);
    fn on_local(&mut self, signal: Signal, cause: &Cause<'_>, sender: &mut Sender<'_>);
    /// Something happened to the link; where that is gone for good, verbs end with an error.
    fn on_link(
        &mut self,
        signal: Signal,
        cause: &Cause<'_>,
        verbs: &Error,
        sender: &mut Sender<'_>,
    );
    fn on_tick(&mut self, tick: &Tick, sender: &mut Sender<'_>);
}

/// What a turn shows to its readers.
pub(crate) trait Shown: Send + Sync {
    /// Adds items that are like a learned one; nobody is woken by it.
    fn extend<T: Deref<Target = str>>(
        &self,
        pattern: &Arc<Pattern>,
        frames: impl Iterator<Item = (T, Fit)>,
    );
    /// Wakes everybody who waits: once for all that came together.
    fn wake(&self);
}

/// What a new call needs.
pub(crate) struct NewCall {
    pub(crate) action: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) expects: Expects,
    pub(crate) session_id: Option<String>,
}

/// The books and what they are kept with.
pub(crate) struct Router<T: InFlight> {
    pub(crate) options: Arc<Options>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(super) tap: Arc<FrameTap>,
    pub(crate) me: Weak<Self>,
    pub(crate) line: Arc<T::Line>,
    on_tick: OnTick,
    pub(super) books: Mutex<Books<T>>,
}

pub(super) struct Books<T> {
    pub(super) link: Supervisor,
    pub(super) calls: Calls,
    /// Turns in the order in which they started.
    pub(super) turns: BTreeMap<u64, T>,
    pub(super) turn_ids: HashMap<String, u64>,
    /// Capabilities of the server by session.
    pub(super) sessions: HashMap<String, HashSet<String>>,
    pub(super) serial: u64,
    /// The time, while frames that came together are handed out: they came at once.
    pub(super) now: Option<Duration>,
}

impl<T> Books<T> {
    pub(super) fn draw(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl<T: InFlight> Router<T> {
    pub(crate) fn new(options: Options) -> Arc<Self> {
        let options = Arc::new(options);
        let dispatcher = Dispatcher::new(&options);
        let tap = FrameTap::new(Arc::clone(&options), Arc::clone(&dispatcher));
        let tap = Arc::new(tap);
        Arc::new_cyclic(|me: &Weak<Self>| {
            let upper: Weak<dyn Upper> = me.clone();
            let (opts, disp, shown) = (Arc::clone(&options), Arc::clone(&dispatcher), tap.clone());
            let ticking = me.clone();
            Self {
                books: Mutex::new(Books {
                    link: Supervisor::new(opts, disp, shown, upper),
                    calls: Calls::new(Arc::clone(&dispatcher)),
                    turns: BTreeMap::new(),
                    turn_ids: HashMap::new(),
                    sessions: HashMap::new(),
                    serial: 0,
                    now: None,
                }),
                on_tick: Arc::new(move |key, tick| {
                    if let Some(router) = ticking.upgrade() {
                        router.on_tick(key, tick);
                    }
                }),
                line: Arc::new(T::Line::from(&options)),
                options,
                dispatcher,
                tap,
                me: me.clone(),
            }
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Books<T>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sender<'a>(
        &'a self,
        link: &'a mut Supervisor,
        now: Option<Duration>,
    ) -> Sender<'a> {
        Sender {
            options: &self.options,
            dispatcher: &self.dispatcher,
            on_tick: &self.on_tick,
            link,
            now,
        }
    }

    // --- the link

    pub(crate) fn state(&self) -> ConnectionState {
        self.lock().link.state()
    }

    pub(crate) fn now(&self) -> Duration {
        self.options.clock.now()
    }

    /// Starts an attempt, or joins the one that runs; none when the link is open.
    pub(crate) fn connect(&self) -> Result<Option<watch::Receiver<Attempt>>, Error> {
        self.lock().link.connect()
    }

    /// Closes the link and settles everything in flight (REQ-CONN-05, REQ-CONN-06). Returns what
    /// has to end before the client is quiet.
    pub(crate) fn close(&self) -> Vec<Task> {
        let mut books = self.lock();
        let mut tasks = books.link.close();
        let cause = Cause::default();
        let error = cause.error(Ending::ClientClosed);
        books.link.answer(Err(error.clone()));
        self.settle_all(&mut books, Signal::Close, &cause, &error);
        tasks.extend(books.link.besides());
        tasks
    }

    /// Steps every call, turn and verb by what happened to the link.
    pub(super) fn settle_all(
        &self,
        books: &mut Books<T>,
        signal: Signal,
        cause: &Cause<'_>,
        verbs: &Error,
    ) {
        let sought = books.link.is_sought();
        for frame in books.calls.on_local(signal, cause, sought) {
            books.link.submit(frame);
        }
        let serials: Vec<u64> = books.turns.keys().copied().collect();
        let mut next = Vec::new();
        for serial in serials {
            let stepped = self.step(books, serial, |turn, sender| {
                turn.on_link(signal, cause, verbs, sender);
            });
            next.extend(stepped.and_then(|((), next)| next));
        }
        for serial in next {
            self.follow(books, Some(serial)); // the link ends what waits with its own error
        }
    }

    /// Asks the link whether it lives, or ends the wait for another one.
    pub(crate) fn wake(&self) {
        let mut books = self.lock();
        let pinged = books.link.wake();
        Self::pinged(&mut books, pinged);
    }

    /// The answer to a ping of the client's own is nobody's (REQ-CONN-38).
    pub(super) fn pinged(books: &mut Books<T>, id: Option<String>) {
        if let Some(id) = id {
            books.calls.remember(&id);
        }
    }

    /// What was counted so far (REQ-LOG-03).
    pub(crate) fn counters(&self) -> Counters {
        let books = self.lock();
        let open = books.turns.values().filter(|turn| turn.is_open()).count();
        Counters {
            open_turns: open as u64,
            ..books.link.counters()
        }
    }

    // --- sessions

    /// Remembers what the server of a session can do; an answer that has no capabilities says
    /// nothing of them (REQ-RESUME-01).
    pub(crate) fn learn(&self, session_id: &str, capabilities: Option<&[String]>) {
        let mut books = self.lock();
        let known = books.sessions.entry(session_id.to_owned()).or_default();
        if let Some(words) = capabilities {
            *known = words.iter().cloned().collect();
        }
    }

    /// Whether turns of a session outlive their link (REQ-RESUME-01).
    pub(crate) fn replays(&self, session_id: &str) -> bool {
        let wired = CAPABILITIES.iter().find(|it| it.word == REPLAY);
        let asked = wired.is_some_and(|it| it.implied_by.iter().any(|it| self.options.implies(it)));
        asked && self.offers(session_id, REPLAY)
    }

    /// Whether the server of a session lists a capability.
    pub(crate) fn offers(&self, session_id: &str, capability: &str) -> bool {
        let books = self.lock();
        let words = books.sessions.get(session_id);
        words.is_some_and(|words| words.contains(capability))
    }

    // --- turns

    /// Works on one turn, and clears it out of the books when nothing of it is left.
    pub(crate) fn with_turn<R>(
        &self,
        serial: u64,
        work: impl FnOnce(&mut T, &mut Sender<'_>) -> R,
    ) -> Option<R> {
        self.within(&mut self.lock(), serial, work)
    }

    /// Puts a turn into the books that its server runs already, unless it is there and alive
    /// (REQ-RESUME-11).
    pub(crate) fn take_up<R>(
        &self,
        id: &str,
        known: impl FnOnce(&T) -> R,
        make: impl FnOnce(Key) -> (T, R),
    ) -> R {
        let mut books = self.lock();
        let there = books.turn_ids.get(id).and_then(|it| books.turns.get(it));
        if let Some(turn) = there.filter(|turn| turn.is_open()) {
            return known(turn);
        }
        books.calls.displace(id);
        let serial = books.draw();
        let (turn, made) = make(Key {
            id: id.to_owned(),
            serial,
        });
        self.insert(&mut books, turn);
        self.within(&mut books, serial, |turn, sender| {
            turn.begin(sender);
            turn.on_local(Signal::TakeUp, &Cause::default(), sender);
        });
        made
    }

    pub(super) fn within<R>(
        &self,
        books: &mut Books<T>,
        serial: u64,
        work: impl FnOnce(&mut T, &mut Sender<'_>) -> R,
    ) -> Option<R> {
        let (done, next) = self.step(books, serial, work)?;
        self.follow(books, next);
        Some(done)
    }

    /// Lets the messages go out that waited for a turn (REQ-TURN-31).
    fn follow(&self, books: &mut Books<T>, mut next: Option<u64>) {
        while let Some(serial) = next {
            let turn = books.turns.get(&serial).filter(|it| it.is_waiting());
            let Some(session_id) = turn.map(|it| it.session_id().to_owned()) else {
                return;
            };
            self.next_message(books, &session_id);
            next = self
                .step(books, serial, T::come_up)
                .and_then(|((), next)| next);
        }
    }

    /// Works on one turn; says which one may begin by that.
    fn step<R>(
        &self,
        books: &mut Books<T>,
        serial: u64,
        work: impl FnOnce(&mut T, &mut Sender<'_>) -> R,
    ) -> Option<(R, Option<u64>)> {
        let turn = books.turns.get_mut(&serial)?;
        let was_live = turn.is_live();
        let done = work(turn, &mut self.sender(&mut books.link, books.now));
        if let Some(old) = turn.moved() {
            self.renamed(books, serial, &old);
            return Some((done, None));
        }
        let next = turn.next();
        if was_live && !turn.is_live() {
            books.calls.remember(&turn.key().id);
        }
        if turn.is_over()
            && let Some(turn) = books.turns.remove(&serial)
            && books.turn_ids.get(&turn.key().id) == Some(&serial)
        {
            books.turn_ids.remove(&turn.key().id);
        }
        Some((done, next))
    }

    /// A turn goes on under another id: its message was sent again (REQ-ASK-11, REQ-TURN-32).
    fn renamed(&self, books: &mut Books<T>, serial: u64, old: &str) {
        let Some(turn) = books.turns.get(&serial) else {
            return;
        };
        let (id, session_id) = (turn.key().id.clone(), turn.session_id().to_owned());
        books.turn_ids.remove(old);
        books.calls.remember(old);
        books.calls.forget(&id);
        books.turn_ids.insert(id, serial);
        self.next_message(books, &session_id);
        self.within(books, serial, |_, _| ());
    }

    /// The turn of an id, where it is in the books.
    pub(crate) fn find_turn<R>(&self, id: &str, look: impl FnOnce(&T) -> Option<R>) -> Option<R> {
        let books = self.lock();
        look(books.turns.get(books.turn_ids.get(id)?)?)
    }

    /// Puts a new turn into the books and starts it; one that is refused is not entered.
    pub(crate) fn enter(
        &self,
        id: Option<String>,
        fault: Option<Error>,
        make: impl FnOnce(Key) -> T,
        start: impl FnOnce(&mut T, Result<(), Error>, &mut Sender<'_>),
    ) {
        let mut books = self.lock();
        let serial = books.draw();
        let (id, refused) = match fault {
            Some(fault) => (id.unwrap_or_default(), Some(fault)),
            None => self.claim(&books, id),
        };
        let mut turn = make(Key { id, serial });
        if let Some(error) = refused {
            return start(
                &mut turn,
                Err(error),
                &mut self.sender(&mut books.link, None),
            );
        }
        if turn.enters() {
            self.next_message(&mut books, turn.session_id());
        }
        self.insert(&mut books, turn);
        self.within(&mut books, serial, |turn, sender| {
            start(turn, Ok(()), sender)
        });
    }

    pub(super) fn insert(&self, books: &mut Books<T>, turn: T) {
        let key = turn.key().clone();
        if let Some(old) = books.turn_ids.insert(key.id.clone(), key.serial) {
            books.turns.remove(&old);
        }
        books.calls.forget(&key.id);
        books.turns.insert(key.serial, turn);
    }

    /// The next message of a session closes a question that outlived its turn (REQ-OTP-03).
    fn next_message(&self, books: &mut Books<T>, session_id: &str) {
        let older = |turn: &T| turn.session_id() == session_id && !turn.is_live();
        let turns = books.turns.iter().filter(|(_, turn)| older(turn));
        let serials: Vec<u64> = turns.map(|(serial, _)| *serial).collect();
        for serial in serials {
            self.within(books, serial, |turn, sender| {
                turn.on_local(Signal::Send, &Cause::default(), sender);
            });
        }
    }

    /// An id for a new action, and why it cannot be used.
    fn claim(&self, books: &Books<T>, id: Option<String>) -> (String, Option<Error>) {
        let id = match id.map_or_else(|| self.options.draw_id(), Ok) {
            Ok(id) => id,
            Err(error) => return (String::new(), Some(error)),
        };
        let turn = books.turn_ids.get(&id).and_then(|it| books.turns.get(it));
        let taken = turn.is_some_and(T::is_open) || books.calls.is_waiting(&id);
        let refused = taken.then(|| Error::argument("the requestId is in flight already"));
        (id, refused)
    }

    // --- calls

    /// Starts a call. Its frame is queued when this returns.
    pub(crate) fn start_call(
        &self,
        call: NewCall,
        frame: impl FnOnce(&str) -> String,
    ) -> (Key, oneshot::Receiver<Result<Answer, Error>>) {
        let (done, answer) = oneshot::channel();
        let mut books = self.lock();
        let serial = books.draw();
        let (id, mut refused) = match call.expects {
            Expects::Reply(_) => self.claim(&books, call.id),
            Expects::Verb { .. } => (call.id.unwrap_or_default(), None), // that of its turn
        };
        if books.calls.is_waiting(&id) {
            refused.get_or_insert_with(|| Error::argument("the requestId is in flight already"));
        }
        let key = Key { id, serial };
        let text = frame(&key.id);
        let session_id = call.session_id.or_else(|| last_string(&text, "sessionId"));
        let too_large = || (text.len() > OUTBOUND_BYTES).then(|| too_large(text.len()));
        let refused = refused
            .or_else(too_large)
            .or_else(|| books.link.ready().err());
        if let Some(error) = refused {
            if !matches!(error, Error::InvalidArgument(_)) {
                books.calls.remember(&key.id); // what still comes for it is nobody's
            }
            let about = |draft: Draft| {
                let draft = draft.request(&key.id).place(&self.options.place);
                draft.session_of(&session_id)
            };
            let _ = done.send(Err(error.with(about)));
            return (key, answer);
        }
        let books = &mut *books;
        let mut sender = self.sender(&mut books.link, None);
        let frame = sender.send(call.action, &key.id, text);
        let limit = self.options.limits.request;
        let timer = (!limit.is_zero()).then(|| sender.arm(limit, &key, Tick::Call));
        let place = Arc::clone(&self.options.place);
        books.calls.start(Waiting {
            expects: call.expects,
            done,
            _timer: timer,
            ..Waiting::new(key.clone(), session_id, place, frame)
        });
        (key, answer)
    }

    /// The wait for a call was given up (REQ-CALL-09).
    pub(crate) fn abandon_call(&self, key: &Key) {
        self.lock().calls.abandon(key);
    }

    /// Queues a frame that nobody answers (`cancel` without a live turn).
    pub(crate) fn send_only(
        &self,
        action: &'static str,
        id: Option<&str>,
        text: String,
    ) -> Result<(), Error> {
        let mut books = self.lock();
        books.link.ready().map_err(|error| {
            let session_id = last_string(&text, "sessionId");
            error.with(|draft| {
                let draft = draft.place(&self.options.place).session_of(&session_id);
                match id {
                    Some(id) => draft.request(id),
                    None => draft,
                }
            })
        })?;
        books.link.submit(Arc::new(Outgoing::new(action, id, text)));
        Ok(())
    }

    fn on_tick(&self, key: &Key, tick: &Tick) {
        let mut books = self.lock();
        if *tick == Tick::Inquiry {
            drop(books);
            self.ask_again(key);
        } else if *tick == Tick::Call {
            books.calls.on_tick(key, tick);
        } else {
            self.within(&mut books, key.serial, |turn, sender| {
                turn.on_tick(tick, sender);
            });
        }
    }
}
