//! The turns of a client: how they start, what callers ask of them, when they leave the books.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::desk::Counter;
use super::hub::{Books, Hub};
use super::listeners::Notice;
use crate::errors::Error;
use crate::logging::{Level, LogRecord};
use crate::options::MAX_OUTBOUND_BYTES;
use crate::requests::{Cause, Desk, Key};
use crate::turn::verbs::{Ask, Reply, Waiter, refused};
use crate::turn::{Cell, Entry, Owner, Question, Settled};
use crate::wire::machine::{Effect, Signal};

impl Hub {
    /// Works on one turn, and clears it out of the books when nothing of it is left.
    pub(super) fn with_turn<T>(
        &self,
        books: &mut Books,
        serial: u64,
        work: impl FnOnce(&mut Entry, &mut dyn Desk) -> T,
    ) -> Option<T> {
        let entry = books.turns.get_mut(&serial)?;
        let was_live = entry.is_live();
        let link = &mut books.link;
        let done = work(entry, &mut Counter { hub: self, link });
        if was_live && !entry.is_live() {
            books.requests.remember(&entry.key.id);
        }
        if entry.is_over()
            && let Some(entry) = books.turns.remove(&serial)
            && books.turn_ids.get(&entry.key.id) == Some(&serial)
        {
            books.turn_ids.remove(&entry.key.id);
        }
        Some(done)
    }

    pub(super) fn turn_of<'b>(books: &'b Books, id: &str) -> Option<&'b Entry> {
        books.turns.get(books.turn_ids.get(id)?)
    }

    /// Starts a turn. Its frame is queued when this returns; whatever hinders it settles the turn
    /// (REQ-TURN-01).
    pub(crate) fn start_turn(
        &self,
        fault: Option<Error>,
        id: Option<String>,
        session_id: &str,
        name: &'static str,
        frame: impl FnOnce(&str) -> String,
    ) -> (Key, Arc<Cell>) {
        let cell = Arc::new(Cell::new(Arc::clone(&self.options.place)));
        let mut books = self.lock();
        books.serial += 1;
        let serial = books.serial;
        let (id, refused) = match fault {
            Some(fault) => (id.unwrap_or_default(), Some(fault)),
            None => self.claim_id(&books, id),
        };
        let key = Key { id, serial };
        let mut entry = Entry::new(key.clone(), session_id.to_owned(), Arc::clone(&cell));
        if let Some(error) = refused {
            entry.end(
                Settled::Failed(error),
                &mut Counter {
                    hub: self,
                    link: &mut books.link,
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

    pub(super) fn with_turn_started(
        &self,
        books: &mut Books,
        serial: u64,
        name: &'static str,
        text: String,
    ) {
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
                Err(Error::NotConnected(_)) => {
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
    pub(super) fn close_older_otp(&self, books: &mut Books, session_id: &str) {
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

    pub(super) fn claim_id(&self, books: &Books, id: Option<String>) -> (String, Option<Error>) {
        let id = match id.map_or_else(|| self.options.draw_id(), Ok) {
            Ok(id) => id,
            Err(error) => return (String::new(), Some(error)),
        };
        let live = Self::turn_of(books, &id).is_some_and(Entry::is_live);
        let refused = (live || books.requests.is_waiting(&id))
            .then(|| Error::argument("the requestId is in flight already"));
        (id, refused)
    }

    /// The turn of an id that verbs act on, where there is one (REQ-VERB-08).
    pub(crate) fn live_turn(&self, id: &str) -> Option<(Key, String)> {
        let books = self.lock();
        let turn = Self::turn_of(&books, id)?;
        turn.takes_verbs()
            .then(|| (turn.key.clone(), turn.session_id.clone()))
    }
}

impl Owner for Hub {
    fn answer(&self, turn: &Key, session_id: &str, ask: Ask) -> oneshot::Receiver<Reply> {
        let (done, reply) = oneshot::channel();
        let mut books = self.lock();
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
            let error = refused(Effect::RefuseNoPendingQuestion);
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
            self.warn(&books.link, text, Some(&turn.id));
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
}
