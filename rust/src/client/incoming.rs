//! What the link tells: frames to their owners, its end to everybody.

use super::hub::{Books, Hub};
use super::listeners::{Direction, Notice};
use crate::connection::{End, MALFORMED_LIMIT, Upper};
use crate::errors::Error;
use crate::requests::{Arrived, Cause, Taken, error_of};
use crate::wire::codec::{DecodeError, correlation, decode};
use crate::wire::events::{Event, EventType};
use crate::wire::machine::{ConnectionState, Effect, Signal};

impl Hub {
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
