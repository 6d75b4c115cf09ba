//! What the link tells: frames to their owners, its end to everybody.

use std::sync::Arc;

use super::hub::{Books, Hub};
use super::listeners::{Direction, Notice};
use crate::connection::{Came, End, MALFORMED_LIMIT, Upper};
use crate::errors::{Draft, Error};
use crate::requests::{Arrived, Cause, Taken, error_of};
use crate::turn::Cell;
use crate::wire::codec::{DecodeError, correlation};
use crate::wire::errors::Leaf;
use crate::wire::events::{Event, EventType};
use crate::wire::learned::{Frame, Pattern};
use crate::wire::machine::{ConnectionState, Effect, Signal};

impl Hub {
    /// Counts a malformed frame; true at the limit (REQ-WIRE-04).
    fn malformed(&self, books: &mut Books) -> bool {
        books.link.malformed += 1;
        if books.link.malformed == 1 {
            self.warn(
                &books.link,
                "a frame that is no event was dropped".to_owned(),
                None,
            );
        }
        books.link.malformed >= MALFORMED_LIMIT
    }

    /// Hands frames to their owners, in order; true at the limit of malformed ones. Those of a
    /// quiet turn that follow each other go there as one.
    fn hand_out(
        &self,
        books: &mut Books,
        patterns: &[Arc<Pattern>],
        frames: &mut Vec<Came>,
        woken: &mut Vec<Arc<Cell>>,
    ) -> bool {
        let watched = self.dispatcher.taps().is_some() || self.dispatcher.logs();
        let mut frames = frames.drain(..).peekable();
        while let Some(came) = frames.next() {
            let (text, frame) = match came {
                Came::Text(text, frame) => (text, frame),
                Came::Binary => {
                    self.note_in(books, watched, None, "");
                    if self.malformed(books) {
                        return true;
                    }
                    continue;
                }
            };
            let decoded = match frame {
                Frame::Read(decoded) => decoded,
                Frame::Like(number, fit) => {
                    let pattern = &patterns[number];
                    if !watched && let Some(cell) = self.quiet(books, pattern) {
                        let like = |it: &Came| matches!(it, Came::Text(_, Frame::Like(other, _)) if *other == number);
                        let mut first = Some((text, fit));
                        let run = std::iter::from_fn(|| {
                            first.take().or_else(|| match frames.next_if(like) {
                                Some(Came::Text(text, Frame::Like(_, fit))) => Some((text, fit)),
                                _ => None,
                            })
                        });
                        cell.extend(pattern, run);
                        woken.push(cell);
                        continue;
                    }
                    Ok(pattern.event_of(&text, fit))
                }
            };
            let (event, broken) = match decoded {
                Ok(event) => (event, None),
                Err(DecodeError::Broken(unread)) => {
                    let broken = EventType::of(unread.wire_type());
                    (Event::Unknown(unread), Some(broken))
                }
                Err(DecodeError::Malformed) => {
                    self.note_in(books, watched, None, &text);
                    if self.malformed(books) {
                        return true;
                    }
                    continue;
                }
            };
            self.note_in(books, watched, Some(&event), &text);
            woken.extend(self.on_event(books, &event, broken));
        }
        false
    }

    /// The cell of a turn to which frames of a pattern are items and nothing else.
    fn quiet(&self, books: &mut Books, pattern: &Pattern) -> Option<Arc<Cell>> {
        let id = pattern.request_id()?;
        if !self.options.fast.quiet || books.requests.is_waiting(id) {
            return None;
        }
        let turn = books.turns.get_mut(books.turn_ids.get(id)?)?;
        let quiet = turn.is_quiet(pattern.event().event_type().into());
        quiet.then(|| {
            books.link.malformed = 0;
            turn.heard(books.link.now.unwrap_or_default());
            Arc::clone(&turn.cell)
        })
    }

    fn note_in(&self, books: &Books, watched: bool, event: Option<&Event>, text: &str) {
        if watched {
            let (word, id) = (event.map(wire_word), event.and_then(correlation));
            let runtime = books.link.runtime.as_ref();
            let bytes = text.len();
            self.note(Direction::In, word, id.as_deref(), text, bytes, runtime);
        }
    }

    /// Hands an event to its owner; returns the turn that it may have changed.
    fn on_event(
        &self,
        books: &mut Books,
        event: &Event,
        broken: Option<EventType>,
    ) -> Option<Arc<Cell>> {
        books.link.malformed = 0;
        let arrived = Arrived { event, broken };
        let id = correlation(event);
        if let Event::Unknown(unread) = event
            && broken.is_some()
        {
            let text = format!("the body of a {} is broken", unread.wire_type());
            self.warn(&books.link, text, id.as_deref());
        }
        let Some(id) = id else {
            self.push_event(books, event);
            return None;
        };
        match books.requests.on_frame(&id, &arrived) {
            Some(Taken::Done) => return None,
            Some(Taken::Push) => {
                self.push_event(books, event);
                return None;
            }
            None => {}
        }
        if let Some(serial) = books.turn_ids.get(&*id).copied() {
            return self.with_turn(books, serial, |turn, desk| {
                turn.on_frame(&arrived, desk);
                Arc::clone(&turn.cell)
            });
        }
        if !books.requests.is_settled(&id) {
            self.push_event(books, event);
        }
        None
    }

    /// A frame that nobody owns (REQ-WIRE-12).
    fn push_event(&self, books: &Books, event: &Event) {
        if event.event_type() != EventType::Keepalive {
            self.notify(&books.link, Notice::Event(event.clone()));
        }
    }
}

impl Hub {
    /// The task of a link is gone without having ended it: its runtime died.
    pub(super) fn orphaned(&self, link: u64) {
        self.failed(
            link,
            Draft::new("the runtime of the attempt ended").end(Leaf::ConnectFailed),
        );
        self.ended(link, End::new(Signal::Lost, 1006));
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

    fn frames(&self, link: u64, patterns: &[Arc<Pattern>], frames: &mut Vec<Came>) -> bool {
        let mut books = self.lock();
        if books.link.number != link || books.link.state != ConnectionState::Open {
            frames.clear();
            return false;
        }
        books.link.now = Some(self.now());
        let mut woken = Vec::new();
        let too_many = self.hand_out(&mut books, patterns, frames, &mut woken);
        books.link.now = None;
        drop(books);
        woken.into_iter().for_each(|cell| cell.wake());
        too_many
    }

    fn ended(&self, link: u64, end: End) {
        let mut books = self.lock();
        if books.link.number != link || books.link.state != ConnectionState::Open {
            return;
        }
        self.move_link(&mut books, end.signal, Some(end.code), None);
        let limit = self.options.limits.message_bytes as u64;
        let signal = end.signal;
        let cause = Cause {
            end: Some(end),
            limit,
            ..Cause::default()
        };
        let effect = if signal == Signal::TooLarge {
            Effect::SettleFailedMessageTooLarge
        } else {
            Effect::SettleFailedConnectionLost
        };
        if let Some(error) = error_of(effect, &cause) {
            self.settle_all(&mut books, signal, &cause, &error);
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
