//! The client's books: which link, which calls, which turns. Everything that changes them comes
//! through here, one thing at a time; nothing in here waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use super::listeners::{Direction, Dispatcher, FrameNote, Notice, StateChange};
use crate::clock::Timer;
use crate::connection::{self, End, MALFORMED_LIMIT, Outbox, Packet, Upper};
use crate::errors::{Draft, Error, QuestionKind};
use crate::logging::{Level, LogRecord, redacted};
use crate::options::{Limits, MAX_OUTBOUND_BYTES, Options};
use crate::requests::{Arrived, Cause, Desk, Key, Requests, Taken, Tick, Waiting, error_of};
use crate::turn::verbs::{Ask, Reply, Waiter, refused, too_large};
use crate::turn::{Cell, Entry, Owner, Question, Settled};
use crate::wire::codec::{DecodeError, correlation, decode};
use crate::wire::errors::Leaf;
use crate::wire::events::{Event, EventType};
use crate::wire::machine::{CONNECTION, ConnectionState, Effect, Signal, step};

/// The outcome of an attempt, for everybody who waits for it.
type Attempt = Option<Result<(), Error>>;

/// The books and what they are kept with.
pub(crate) struct Hub {
    pub(crate) options: Arc<Options>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    me: Weak<Hub>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    link: Link,
    requests: Requests,
    /// Turns by id, in the order in which they started.
    turns: BTreeMap<u64, Entry>,
    turn_ids: HashMap<String, u64>,
    /// Capabilities of the server by session.
    sessions: HashMap<String, HashSet<String>>,
    serial: u64,
    runtime: Option<Handle>,
}

struct Link {
    state: ConnectionState,
    number: u64,
    outbox: Option<Arc<Outbox>>,
    attempt: watch::Sender<Attempt>,
    /// One for each driver task that may still run.
    tasks: Vec<Task>,
    malformed: u32,
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

    fn lock(&self) -> MutexGuard<'_, Books> {
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

    fn start_attempt(&self, books: &mut Books) -> Result<watch::Receiver<Attempt>, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::argument("connecting needs a tokio runtime around it"))?;
        books.runtime = Some(runtime.clone());
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
        let task = runtime.spawn(async move {
            let upper = || me.upgrade().map(|hub| hub as Arc<dyn Upper>);
            connection::run(&upper, number, options, outbox).await;
            let _ = done.send(true);
        });
        books.link.tasks.push(Task {
            ended,
            abort: task.abort_handle(),
        });
        Ok(attempt)
    }

    /// Steps the connection machine and tells the listeners; returns the close code to send.
    fn move_link(
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
        self.notify(books, Notice::Log(LogRecord::new(Level::Info, text)));
        self.notify(books, Notice::State(change));
        close
    }

    fn notify(&self, books: &Books, notice: Notice) {
        self.dispatcher
            .push(notice, self.options.clock.busy(), books.runtime.as_ref());
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
    fn settle_all(&self, books: &mut Books, signal: Signal, cause: &Cause<'_>, verbs: &Error) {
        books.requests.fail_all(signal, cause);
        let serials: Vec<u64> = books.turns.keys().copied().collect();
        for serial in serials {
            self.with_turn(books, serial, |turn, desk| {
                turn.on_local(signal, cause, desk);
                turn.abandon_verbs(verbs);
            });
        }
    }

    // --- turns in the books

    /// Works on one turn, and clears it out of the books when nothing of it is left.
    fn with_turn<T>(
        &self,
        books: &mut Books,
        serial: u64,
        work: impl FnOnce(&mut Entry, &mut dyn Desk) -> T,
    ) -> Option<T> {
        let mut entry = books.turns.remove(&serial)?;
        let was_live = entry.is_live();
        let mut desk = Counter { hub: self, books };
        let done = work(&mut entry, &mut desk);
        if was_live && !entry.is_live() {
            books.requests.remember(&entry.key.id);
        }
        if entry.is_over() {
            if books.turn_ids.get(&entry.key.id) == Some(&serial) {
                books.turn_ids.remove(&entry.key.id);
            }
        } else {
            books.turns.insert(serial, entry);
        }
        Some(done)
    }

    fn turn_of<'b>(books: &'b Books, id: &str) -> Option<&'b Entry> {
        books.turns.get(books.turn_ids.get(id)?)
    }

    /// Starts a turn. Its frame is queued when this returns; whatever hinders it settles the turn
    /// (REQ-TURN-01).
    pub(crate) fn start_turn(
        &self,
        id: Option<String>,
        session_id: &str,
        name: &'static str,
        frame: impl FnOnce(&str) -> String,
    ) -> (Key, Arc<Cell>) {
        let cell = Arc::new(Cell::default());
        let mut books = self.lock();
        books.serial += 1;
        let serial = books.serial;
        let (id, refused) = self.claim_id(&books, id);
        let key = Key { id, serial };
        let mut entry = Entry::new(key.clone(), session_id.to_owned(), Arc::clone(&cell));
        if let Some(error) = refused {
            entry.end(
                Settled::Failed(error),
                &mut Counter {
                    hub: self,
                    books: &mut books,
                },
            );
            return (key, cell);
        }
        self.close_older_otp(&mut books, session_id);
        if let Some(old) = books.turn_ids.insert(key.id.clone(), serial) {
            books.turns.remove(&old);
        }
        books.requests.forget(&key.id);
        books.turns.insert(serial, entry);
        let text = frame(&key.id);
        self.with_turn_started(&mut books, serial, name, text);
        (key, cell)
    }

    fn with_turn_started(&self, books: &mut Books, serial: u64, name: &'static str, text: String) {
        let size = text.len();
        let ready = if size > MAX_OUTBOUND_BYTES {
            Ok(())
        } else {
            self.ready(books)
        };
        self.with_turn(books, serial, |turn, desk| {
            let limit = MAX_OUTBOUND_BYTES as u64;
            let cause = Cause {
                size: Some(size as u64),
                limit,
                ..Cause::default()
            };
            if size > MAX_OUTBOUND_BYTES {
                return turn.on_local(Signal::TooLarge, &cause, desk);
            }
            match ready {
                Err(error) if matches!(error, Error::NotConnected(_)) => {
                    turn.on_local(Signal::NotConnected, &Cause::default(), desk);
                }
                Err(error) => turn.end(Settled::Failed(error), desk),
                Ok(()) => {
                    let id = turn.key.id.clone();
                    turn.packet = Some(desk.send(name, Some(&id), text));
                    turn.begin(desk);
                }
            }
        });
    }

    /// The next message of a session closes an OTP question that outlived its turn (REQ-OTP-03).
    fn close_older_otp(&self, books: &mut Books, session_id: &str) {
        let serials: Vec<u64> = books
            .turns
            .iter()
            .filter(|(_, turn)| turn.session_id == session_id && !turn.is_live())
            .map(|(serial, _)| *serial)
            .collect();
        for serial in serials {
            self.with_turn(books, serial, |turn, desk| {
                turn.on_local(Signal::Send, &Cause::default(), desk);
            });
        }
    }

    fn claim_id(&self, books: &Books, id: Option<String>) -> (String, Option<Error>) {
        let id = match id.map_or_else(|| self.options.draw_id(), Ok) {
            Ok(id) => id,
            Err(error) => return (String::new(), Some(error)),
        };
        let live = Self::turn_of(books, &id).is_some_and(Entry::is_live);
        let refused = (live || books.requests.is_waiting(&id))
            .then(|| Error::argument("the requestId is in flight already"));
        (id, refused)
    }

    /// Makes sure that a frame can be queued (REQ-CONN-09).
    fn ready(&self, books: &mut Books) -> Result<(), Error> {
        match books.link.state {
            ConnectionState::Open | ConnectionState::Connecting => Ok(()),
            _ if self.options.lazy => self.start_attempt(books).map(drop),
            _ => Err(
                error_of(Effect::SettleFailedNotConnected, &Cause::default())
                    .unwrap_or_else(|| Error::argument("not connected")),
            ),
        }
    }

    // --- calls

    /// Starts a call. Its frame is queued when this returns.
    pub(crate) fn start_call(
        &self,
        call: NewCall,
        frame: impl FnOnce(&str) -> String,
    ) -> (Key, oneshot::Receiver<Result<Event, Error>>) {
        let (done, answer) = oneshot::channel();
        let mut books = self.lock();
        books.serial += 1;
        let serial = books.serial;
        let (id, refused) = match call.shares_id {
            true => (call.id.unwrap_or_default(), None),
            false => self.claim_id(&books, call.id),
        };
        let key = Key { id, serial };
        let text = frame(&key.id);
        let refused = refused
            .or_else(|| {
                books
                    .requests
                    .is_waiting(&key.id)
                    .then(|| Error::argument("the requestId is in flight already"))
            })
            .or_else(|| (text.len() > MAX_OUTBOUND_BYTES).then(|| too_large(text.len())))
            .or_else(|| self.ready(&mut books).err());
        if let Some(error) = refused {
            let _ = done.send(Err(error.with(|draft| draft.request(&key.id))));
            return (key, answer);
        }
        let mut desk = Counter {
            hub: self,
            books: &mut books,
        };
        let packet = desk.send(call.name, Some(&key.id), text);
        let limit = self.options.limits.request;
        let timer = (!limit.is_zero()).then(|| desk.arm(limit, &key, Tick::Call));
        books.requests.start(Waiting {
            key: key.clone(),
            expects: call.expects,
            session_id: call.session_id,
            done,
            packet: Some(packet),
            _timer: timer,
        });
        (key, answer)
    }

    /// The wait for a call was given up (REQ-CALL-09).
    pub(crate) fn abandon_call(&self, key: &Key) {
        let mut books = self.lock();
        if let Some(packet) = books.requests.abandon(key) {
            Counter {
                hub: self,
                books: &mut books,
            }
            .take_back(packet);
        }
    }

    /// Queues a frame that nobody answers (`cancel` without a live turn).
    pub(crate) fn send_only(
        &self,
        name: &'static str,
        id: Option<&str>,
        text: String,
    ) -> Result<oneshot::Receiver<()>, Error> {
        let mut books = self.lock();
        self.ready(&mut books)?;
        let (done, written) = oneshot::channel();
        let packet = self.packet(&books, name, id, text, Some(done));
        if let Some(outbox) = &books.link.outbox {
            outbox.push(packet);
        }
        Ok(written)
    }

    /// The live turn of an id, where there is one.
    pub(crate) fn live_turn(&self, id: &str, otp: bool) -> Option<(Key, String)> {
        let books = self.lock();
        let turn = Self::turn_of(&books, id)?;
        let asks = otp
            && turn
                .open_question()
                .is_some_and(|it| it.kind == QuestionKind::Otp);
        (turn.is_live() || asks).then(|| (turn.key.clone(), turn.session_id.clone()))
    }

    /// Remembers what the server of a session can do.
    pub(crate) fn learn(&self, session_id: &str, capabilities: Option<&[String]>) {
        let words = capabilities.unwrap_or_default().iter().cloned().collect();
        self.lock().sessions.insert(session_id.to_owned(), words);
    }

    pub(crate) fn now(&self) -> Duration {
        self.options.clock.now()
    }

    fn packet(
        &self,
        books: &Books,
        name: &'static str,
        id: Option<&str>,
        text: String,
        written: Option<oneshot::Sender<()>>,
    ) -> Packet {
        let busy = self.options.clock.busy();
        let tapped = self.dispatcher.taps().is_some() || self.dispatcher.logs();
        if !tapped && written.is_none() {
            return Packet {
                text,
                tap: None,
                busy,
            };
        }
        let (me, id) = (self.me.clone(), id.map(str::to_owned));
        let runtime = books.runtime.clone();
        let tap = move |text: &str| {
            if let Some(hub) = me.upgrade() {
                hub.note(
                    Direction::Out,
                    Some(name),
                    id.as_deref(),
                    text,
                    text.len(),
                    runtime.as_ref(),
                );
            }
            if let Some(written) = written {
                let _ = written.send(());
            }
        };
        Packet {
            text,
            tap: Some(Box::new(tap)),
            busy,
        }
    }

    /// Tells taps and log of a frame.
    fn note(
        &self,
        direction: Direction,
        wire_type: Option<&str>,
        id: Option<&str>,
        text: &str,
        bytes: usize,
        runtime: Option<&Handle>,
    ) {
        if self.dispatcher.logs() {
            let way = if direction == Direction::In {
                "in"
            } else {
                "out"
            };
            let word = wire_type.unwrap_or("malformed");
            let mut record =
                LogRecord::new(Level::Debug, format!("{way} {word}, {bytes} bytes")).about(id);
            record.payload = self.options.log_payloads.then(|| redacted(text));
            self.dispatcher
                .push(Notice::Log(record), self.options.clock.busy(), runtime);
        }
        if let Some(wants_text) = self.dispatcher.taps() {
            let note = FrameNote {
                direction,
                wire_type: wire_type.map(str::to_owned),
                request_id: id.map(str::to_owned),
                bytes,
                at: self.now(),
                text: wants_text.then(|| text.into()),
            };
            self.dispatcher
                .push(Notice::Frame(note), self.options.clock.busy(), runtime);
        }
    }

    fn warn(&self, books: &Books, message: String, id: Option<&str>) {
        self.notify(
            books,
            Notice::Log(LogRecord::new(Level::Warning, message).about(id)),
        );
    }

    // --- frames

    /// Counts a malformed frame; true at the limit (REQ-WIRE-04).
    fn malformed(&self, books: &mut Books) -> bool {
        books.link.malformed += 1;
        if books.link.malformed == 1 {
            self.warn(
                books,
                "a frame that is no event was dropped".to_owned(),
                None,
            );
        }
        books.link.malformed >= MALFORMED_LIMIT
    }

    fn on_event(&self, books: &mut Books, event: &Event, broken: Option<EventType>) {
        books.link.malformed = 0;
        let arrived = Arrived { event, broken };
        let id = correlation(event);
        if let Event::Unknown(unread) = event
            && broken.is_some()
        {
            let text = format!("the body of a {} is broken", unread.wire_type());
            self.warn(books, text, id.as_deref());
        }
        let Some(id) = id else {
            return self.push_event(books, event);
        };
        match books.requests.on_frame(&id, &arrived) {
            Some(Taken::Done) => return,
            Some(Taken::Push) => return self.push_event(books, event),
            None => {}
        }
        match books.turn_ids.get(&*id).copied() {
            Some(serial) => {
                self.with_turn(books, serial, |turn, desk| turn.on_frame(&arrived, desk));
            }
            None if books.requests.is_settled(&id) => {}
            None => self.push_event(books, event),
        }
    }

    /// A frame that nobody owns (REQ-WIRE-12).
    fn push_event(&self, books: &Books, event: &Event) {
        if event.event_type() != EventType::Keepalive {
            self.notify(books, Notice::Event(event.clone()));
        }
    }

    // --- timers

    fn on_tick(&self, key: &Key, tick: &Tick) {
        let mut books = self.lock();
        if *tick == Tick::Call {
            let Some(packet) = books.requests.packet(key) else {
                return;
            };
            Counter {
                hub: self,
                books: &mut books,
            }
            .take_back(packet);
            books
                .requests
                .fail(&key.id, Signal::RequestTimeout, &Cause::default());
        } else {
            self.with_turn(&mut books, key.serial, |turn, desk| {
                turn.on_tick(tick, desk)
            });
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

/// What a new call needs.
pub(crate) struct NewCall {
    pub(crate) name: &'static str,
    pub(crate) id: Option<String>,
    /// Whether the id may be one that is known already: a verb carries its turn's.
    pub(crate) shares_id: bool,
    pub(crate) expects: &'static [EventType],
    pub(crate) session_id: Option<String>,
}

/// The desk of the rooms that decide, while the books are open.
struct Counter<'a> {
    hub: &'a Hub,
    books: &'a mut Books,
}

impl Desk for Counter<'_> {
    fn now(&self) -> Duration {
        self.hub.now()
    }

    fn limits(&self) -> &Limits {
        &self.hub.options.limits
    }

    fn arm(&self, delay: Duration, key: &Key, tick: Tick) -> Timer {
        let (me, key) = (self.hub.me.clone(), key.clone());
        let _runtime = self.books.runtime.as_ref().map(Handle::enter);
        self.hub.options.clock.schedule(
            delay,
            Box::new(move || {
                if let Some(hub) = me.upgrade() {
                    hub.on_tick(&key, &tick);
                }
            }),
        )
    }

    fn send(&mut self, name: &'static str, request_id: Option<&str>, text: String) -> u64 {
        let packet = self.hub.packet(self.books, name, request_id, text, None);
        self.books
            .link
            .outbox
            .as_ref()
            .map_or(0, |outbox| outbox.push(packet))
    }

    fn take_back(&mut self, packet: u64) -> bool {
        self.books
            .link
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.take_back(packet))
    }

    fn is_sent(&self, packet: u64) -> bool {
        self.books
            .link
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.is_sent(packet))
    }

    fn warn(&mut self, message: String, request_id: Option<&str>) {
        self.hub.warn(self.books, message, request_id);
    }
}

impl Upper for Hub {
    fn opened(&self, link: u64) -> bool {
        let mut books = self.lock();
        if books.link.number != link || books.link.state != ConnectionState::Connecting {
            return false;
        }
        self.move_link(&mut books, Signal::Opened, None, None);
        books.link.attempt.send_replace(Some(Ok(())));
        true
    }

    fn failed(&self, link: u64, error: Error) {
        let mut books = self.lock();
        if books.link.number != link || books.link.state != ConnectionState::Connecting {
            return;
        }
        self.move_link(&mut books, Signal::ConnectFailed, None, Some(error.clone()));
        let cause = Cause {
            attempt: Some(&error),
            ..Cause::default()
        };
        self.settle_all(&mut books, Signal::ConnectFailed, &cause, &error);
        books.link.outbox = None;
        books.link.attempt.send_replace(Some(Err(error)));
    }

    fn text(&self, link: u64, text: &str) -> bool {
        let decoded = decode(text);
        let mut books = self.lock();
        if books.link.number != link || books.link.state != ConnectionState::Open {
            return false;
        }
        let runtime = books.runtime.clone();
        let watched = self.dispatcher.taps().is_some() || self.dispatcher.logs();
        let note = |event: Option<&Event>| {
            if watched {
                let word = event.map(wire_word);
                let id = event.and_then(correlation);
                self.note(
                    Direction::In,
                    word,
                    id.as_deref(),
                    text,
                    text.len(),
                    runtime.as_ref(),
                );
            }
        };
        match decoded {
            Ok(event) => {
                note(Some(&event));
                self.on_event(&mut books, &event, None);
                false
            }
            Err(DecodeError::Broken(unread)) => {
                let broken = EventType::of(unread.wire_type());
                let event = Event::Unknown(unread);
                note(Some(&event));
                self.on_event(&mut books, &event, Some(broken));
                false
            }
            Err(DecodeError::Malformed) => {
                note(None);
                self.malformed(&mut books)
            }
        }
    }

    fn binary(&self, link: u64) -> bool {
        let mut books = self.lock();
        if books.link.number != link || books.link.state != ConnectionState::Open {
            return false;
        }
        let runtime = books.runtime.clone();
        self.note(Direction::In, None, None, "", 0, runtime.as_ref());
        self.malformed(&mut books)
    }

    fn ended(&self, link: u64, end: End) {
        let mut books = self.lock();
        if books.link.number != link || books.link.state != ConnectionState::Open {
            return;
        }
        self.move_link(&mut books, end.signal, Some(end.code), None);
        let limit = self.options.limits.message_bytes as u64;
        let cause = Cause {
            end: Some(end),
            limit,
            ..Cause::default()
        };
        let effect = if end.signal == Signal::TooLarge {
            Effect::SettleFailedMessageTooLarge
        } else {
            Effect::SettleFailedConnectionLost
        };
        if let Some(error) = error_of(effect, &cause) {
            self.settle_all(&mut books, end.signal, &cause, &error);
        }
        books.link.outbox = None;
    }
}

/// The wire's word for the type of an event.
fn wire_word(event: &Event) -> &str {
    match event {
        Event::Unknown(unread) => unread.wire_type(),
        known => known.event_type().as_str(),
    }
}

impl Owner for Hub {
    fn answer(&self, turn: &Key, session_id: &str, ask: Ask) -> oneshot::Receiver<Reply> {
        let (done, reply) = oneshot::channel();
        let mut books = self.lock();
        let kind = ask.question();
        let waiter = Waiter {
            done,
            unheard: self.unheard(&turn.id),
        };
        let mut waiter = Some(waiter);
        self.with_turn(&mut books, turn.serial, |entry, desk| {
            if let Some(waiter) = waiter.take() {
                entry.answer(ask, waiter, desk);
            }
        });
        if let Some(waiter) = waiter {
            let error = refused(kind, Effect::RefuseNoPendingQuestion);
            let _ = waiter.done.send(Err(
                error.with(|it| it.request(&turn.id).session(session_id))
            ));
        }
        reply
    }

    fn stop(&self, turn: &Key) -> oneshot::Receiver<Reply> {
        let (done, reply) = oneshot::channel();
        let mut waiter = Some(Waiter {
            done,
            unheard: self.unheard(&turn.id),
        });
        let mut books = self.lock();
        self.with_turn(&mut books, turn.serial, |entry, desk| {
            if let Some(waiter) = waiter.take() {
                entry.stop(waiter, desk);
            }
        });
        if let Some(waiter) = waiter {
            let _ = waiter.done.send(Ok(None));
        }
        reply
    }

    fn abandoned(&self, turn: &Key, cell: &Cell) {
        let mut books = self.lock();
        self.with_turn(&mut books, turn.serial, |entry, desk| {
            entry.on_abandoned(desk)
        });
        if let Some(error) = cell.unseen_error() {
            let text = format!("a turn failed that nobody awaits: {error}");
            self.warn(&books, text, Some(&turn.id));
        }
    }

    fn detach(&self, turn: &Key) {
        if let Some(entry) = self.lock().turns.get_mut(&turn.serial) {
            entry.detached = true;
        }
    }

    fn open_question(&self, turn: &Key) -> Option<Question> {
        self.lock().turns.get(&turn.serial)?.open_question()
    }

    fn offers(&self, session_id: &str, capability: &str) -> bool {
        let books = self.lock();
        books
            .sessions
            .get(session_id)
            .is_some_and(|words| words.contains(capability))
    }
}

impl Hub {
    fn unheard(&self, id: &str) -> Arc<dyn Fn(&Error) + Send + Sync> {
        let (dispatcher, clock) = (
            Arc::clone(&self.dispatcher),
            Arc::clone(&self.options.clock),
        );
        let id = id.to_owned();
        Arc::new(move |error| {
            let text = format!("a verb failed that nobody awaits: {error}");
            let record = LogRecord::new(Level::Warning, text).about(Some(&id));
            dispatcher.push(Notice::Log(record), clock.busy(), None);
        })
    }

    /// Error of an attempt whose task is gone.
    pub(crate) fn gone() -> Error {
        Draft::new("the attempt was given up").end(Leaf::ConnectFailed)
    }
}
