//! What callers ask of the turns in the books: to start one, to answer, stop and read it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::cell::Cell;
use super::driver::Driver;
use super::handle::{Owner, Turn, TurnHandle};
use super::inquiry::{Fate, Subject};
use super::questions::Question;
use super::resuming::Resuming;
use super::verbs::{Ask, Reply, Waiter, refused};
use crate::errors::{Draft, Error};
use crate::handlers::{Failed, Given, Handlers};
use crate::requests::{Key, Pending, Router, Shown as _};
use crate::wire::actions::{GetConversationMessages, SendMessage};
use crate::wire::errors::Leaf;
use crate::wire::steps::{QuestionKind, Refusal, Verb};
use crate::wire::types::MessagePage;

/// The books of a client.
pub(crate) type Books = Router<Driver>;

impl Router<Driver> {
    /// Starts a turn. Its frame is queued when this returns; whatever hinders it settles the turn
    /// (REQ-TURN-01).
    pub(crate) fn start_turn(
        &self,
        fault: Option<Error>,
        mut message: SendMessage,
        handlers: Arc<Handlers>,
    ) -> (Key, Arc<Cell>) {
        let (id, session_id) = (message.request_id.take(), message.session_id.clone());
        let resends = self.options.resend_after_otp && handlers.gives_codes();
        let cell = Arc::new(Cell::new(Arc::clone(&self.options.place), handlers));
        let shown = Arc::clone(&cell);
        let resuming = self.resuming(self.replays(&session_id), false);
        let (home, line) = (self.me.clone(), Arc::clone(&self.line));
        let mut key = None;
        let make = |named: Key| {
            key = Some(named.clone());
            let turn = Driver::new(named, session_id, shown, resuming, home, line);
            Driver {
                message: Some(message),
                resends,
                ..turn
            }
        };
        self.enter(id, fault, make, |turn, entered, sender| match entered {
            Err(error) => turn.refuse(error, sender),
            Ok(()) => turn.begin_in_line(sender),
        });
        let none = || Key {
            id: String::new(),
            serial: 0,
        };
        (key.unwrap_or_else(none), cell)
    }

    fn resuming(&self, replays: bool, taken_up: bool) -> Resuming {
        let options = &self.options;
        Resuming::new(replays, taken_up, options.limits.resume, &options.seeking)
    }

    /// The turn that a conversation runs; none when its session does not replay (REQ-RESUME-11).
    pub(crate) fn open_turn(
        self: &Arc<Self>,
        session_id: &str,
        id: &str,
        handlers: Arc<Handlers>,
    ) -> Option<Turn> {
        if !self.replays(session_id) {
            return None;
        }
        let known = |turn: &Driver| (turn.key.clone(), Arc::clone(&turn.cell));
        let make = |key: Key| {
            let cell = Arc::new(Cell::new(Arc::clone(&self.options.place), handlers));
            let (shown, resuming) = (Arc::clone(&cell), self.resuming(true, true));
            let (session, home) = (session_id.to_owned(), self.me.clone());
            let line = Arc::clone(&self.line);
            line.join(session_id, key.serial);
            let turn = Driver::new(key.clone(), session, shown, resuming, home, line);
            (turn, (key, cell))
        };
        let (key, cell) = self.take_up(id, known, make);
        let owner = Arc::clone(self) as Arc<dyn Owner>;
        Some(Turn::new(owner, key, session_id, cell))
    }

    /// The turn of an id that verbs act on, where there is one (REQ-VERB-08).
    pub(crate) fn live_turn(self: &Arc<Self>, id: &str) -> Option<TurnHandle> {
        let (key, session_id, cell) = self.find_turn(id, |turn| {
            let found = (
                turn.key.clone(),
                turn.session_id.clone(),
                Arc::clone(&turn.cell),
            );
            turn.takes_verbs().then_some(found)
        })?;
        let owner = Arc::clone(self) as Arc<dyn Owner>;
        Some(TurnHandle::new(owner, key, &session_id, cell))
    }

    /// A handler has given something, or failed.
    pub(crate) fn gave(
        &self,
        serial: u64,
        session_id: &str,
        number: u64,
        given: Result<Given, Failed>,
    ) {
        let declines = Verb::DeclineOtp.row();
        let parks = matches!(given, Ok(Given::NoCode))
            && declines.needs.is_none_or(|it| self.offers(session_id, it));
        let cell = self.with_turn(serial, |turn, sender| {
            turn.gave(number, given, parks, sender);
            Arc::clone(&turn.cell)
        });
        if let Some(cell) = cell {
            cell.wake();
        }
    }

    fn unheard(&self, id: &str) -> Arc<dyn Fn(&Error) + Send + Sync> {
        let (dispatcher, id) = (Arc::clone(&self.dispatcher), id.to_owned());
        Arc::new(move |error| {
            let text = format!("a verb failed that nobody awaits: {error}");
            dispatcher.warn(text, Some(&id));
        })
    }
}

impl Owner for Router<Driver> {
    fn answer(&self, turn: &Key, session_id: &str, ask: Ask) -> oneshot::Receiver<Reply> {
        let (done, reply) = oneshot::channel();
        if let Some(fault) = ask.fault() {
            let _ = done.send(Err(fault));
            return reply;
        }
        let unheard = self.unheard(&turn.id);
        let mut waiter = Some(Waiter {
            done,
            unheard,
            by_handler: false,
        });
        self.with_turn(turn.serial, |entry, sender| {
            if let Some(waiter) = waiter.take() {
                entry.answer(ask, waiter, sender);
            }
        });
        if let Some(waiter) = waiter {
            let error = refused(Refusal::NoPendingQuestion);
            let place = &self.options.place;
            let about = |it: Draft| it.request(&turn.id).session(session_id).place(place);
            let error = error.with(about);
            let _ = waiter.done.send(Err(error));
        }
        reply
    }

    fn stop(&self, turn: &Key) -> oneshot::Receiver<Reply> {
        let (done, reply) = oneshot::channel();
        let unheard = self.unheard(&turn.id);
        let mut waiter = Some(Waiter {
            done,
            unheard,
            by_handler: false,
        });
        self.with_turn(turn.serial, |entry, sender| {
            if let Some(waiter) = waiter.take() {
                entry.stop(waiter, sender);
            }
        });
        if let Some(waiter) = waiter {
            let _ = waiter.done.send(Ok(None));
        }
        reply
    }

    fn abandoned(&self, turn: &Key, cell: &Cell) {
        self.with_turn(turn.serial, |entry, sender| entry.on_abandoned(sender));
        if let Some(error) = cell.unseen_error() {
            let text = format!("a turn failed that nobody awaits: {error}");
            self.dispatcher.warn(text, Some(cell.id(&turn.id)));
        }
    }

    fn detach(&self, turn: &Key) {
        self.with_turn(turn.serial, |entry, _| entry.detached = true);
    }

    fn question(&self, turn: &Key, kind: Option<QuestionKind>) -> Option<Question> {
        self.with_turn(turn.serial, |entry, _| entry.question(kind))?
    }

    fn offers(&self, session_id: &str, capability: &str) -> bool {
        Router::offers(self, session_id, capability)
    }

    fn fate(&self, of: &Subject) -> Option<Pending<Result<Fate, Error>>> {
        self.me.upgrade()?.fate_of(of.clone())
    }

    fn page(&self, action: GetConversationMessages) -> Pending<Result<MessagePage, Error>> {
        match self.me.upgrade() {
            Some(me) => me.ask(action),
            None => Pending::new(std::future::ready(Err(
                Draft::default().end(Leaf::ClientClosed)
            ))),
        }
    }
}
