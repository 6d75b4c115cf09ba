//! Who gets a frame, in the order of the table `routing`; and what the link tells beside frames.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::calls::Taken;
use super::facts::Arrived;
use super::failures::Cause;
use super::quiet::Run;
use super::router::{Books, InFlight, Router, Shown as _};
use super::{Key, Tick};
use crate::connection::{Came, Due, End, Failure, Upper, Waits};
use crate::errors::{Draft, Error};
use crate::listeners::Notice;
use crate::wire::codec::{DecodeError, correlation};
use crate::wire::errors::Leaf;
use crate::wire::events::{Event, EventType};
use crate::wire::learned::{Fit, Frame, Pattern};
use crate::wire::steps::{ConnectionState, Ending, Signal};

impl<T: InFlight> Router<T> {
    /// Counts a frame that is no event; true at the limit (REQ-WIRE-04).
    fn malformed(&self, books: &mut Books<T>, text: &str, watched: bool) -> bool {
        if watched {
            self.tap.came(None, None, text);
        }
        let (first, too_many) = books.link.malformed();
        if first {
            let text = "a frame that is no event was dropped";
            self.dispatcher.warn(text.to_owned(), None);
        }
        too_many
    }

    /// Hands frames to their owners, in order; at the limit of malformed ones it says how many are
    /// left. Those of a quiet turn that follow each other go there as one.
    fn hand_out(
        &self,
        books: &mut Books<T>,
        patterns: &[Arc<Pattern>],
        frames: &mut Vec<Came>,
        woken: &mut Vec<Arc<T::Shown>>,
    ) -> Option<usize> {
        let (watched, now) = (self.tap.is_watched(), books.now.unwrap_or_default());
        let mut frames = frames.drain(..).peekable();
        while let Some(came) = frames.next() {
            let (text, frame) = match came {
                Came::Text(text, frame) => (text, frame),
                Came::Binary if self.malformed(books, "", watched) => return Some(frames.len()),
                Came::Binary => continue,
            };
            let decoded = match frame {
                Frame::Read(decoded) => decoded,
                Frame::Like(number, fit) => {
                    let pattern = &patterns[number];
                    if !watched && let Some((turn, run)) = self.quiet(books, number, pattern, &fit)
                    {
                        let mut run = run;
                        let shown = Arc::clone(turn.shown());
                        shown.extend(pattern, run.frames((text, fit), &mut frames));
                        turn.heard(now, run.quiet.newest());
                        woken.push(shown);
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
                Err(DecodeError::Malformed) if self.malformed(books, &text, watched) => {
                    return Some(frames.len());
                }
                Err(DecodeError::Malformed) => continue,
            };
            if watched {
                let id = correlation(&event);
                self.tap.came(Some(wire_word(&event)), id.as_deref(), &text);
            }
            woken.extend(self.route(books, &event, broken));
        }
        None
    }

    /// The turn to which a frame, like others of its pattern, is an item and nothing else.
    fn quiet<'a>(
        &self,
        books: &'a mut Books<T>,
        number: usize,
        pattern: &Pattern,
        first: &Fit,
    ) -> Option<(&'a mut T, Run)> {
        let id = pattern.request_id()?;
        if !self.options.fast.quiet || books.calls.is_waiting(id) {
            return None;
        }
        let turn = books.turns.get_mut(books.turn_ids.get(id)?)?;
        let quiet = turn.quiet(pattern.event().event_type().into());
        let run = Run::begin(number, pattern, quiet, first)?;
        books.link.well_formed();
        Some((turn, run))
    }

    /// Hands an event to its owner, in the order of the table `routing`; returns what the turn
    /// shows that it may have changed.
    fn route(
        &self,
        books: &mut Books<T>,
        event: &Event,
        broken: Option<EventType>,
    ) -> Option<Arc<T::Shown>> {
        books.link.well_formed();
        let arrived = Arrived { event, broken };
        let id = correlation(event);
        if let (Event::Unknown(unread), Some(_)) = (event, broken) {
            let text = format!("the body of a {} is broken", unread.wire_type());
            self.dispatcher.warn(text, id.as_deref());
        }
        let Some(id) = id else {
            self.push(event);
            return None;
        };
        match books.calls.on_frame(&id, &arrived, &|| self.options.draw()) {
            Some(Taken::Done) => return None,
            Some(Taken::Later(key, wait)) => {
                let sender = self.sender(&mut books.link, books.now);
                let timer = sender.arm(wait, &key, Tick::Inquiry);
                books.calls.pause(&key, timer);
                return None;
            }
            Some(Taken::Push) => {
                self.push(event);
                return None;
            }
            Some(Taken::Opened(session_id)) => {
                self.adopt(books, &id, session_id);
                return None;
            }
            None => {}
        }
        if let Some(serial) = books.turn_ids.get(&*id).copied() {
            return self.within(books, serial, |turn, sender| {
                turn.on_frame(&arrived, sender);
                Arc::clone(turn.shown())
            });
        }
        if !books.calls.is_settled(&id) {
            self.push(event);
        }
        None
    }

    /// A turn begins that was asked for by an answer (REQ-VERB-15).
    fn adopt(&self, books: &mut Books<T>, id: &str, session_id: String) {
        let key = Key {
            id: id.to_owned(),
            serial: books.draw(),
        };
        let serial = key.serial;
        self.insert(books, T::accepted(key, session_id, self));
        self.within(books, serial, |turn, sender| turn.begin(sender));
    }

    /// A frame that nobody owns (REQ-WIRE-12).
    fn push(&self, event: &Event) {
        if event.event_type() != EventType::Keepalive {
            self.dispatcher.push(Notice::Event(event.clone()));
        }
    }
}

/// What becomes of the link. The order is the same for every event: the machine of the link, with
/// the frames that wait; calls and turns; then the attempt that follows.
impl<T: InFlight> Router<T> {
    /// The attempt failed, and so does what waited for it where no other one follows.
    fn attempt_failed(&self, books: &mut Books<T>, error: Error) {
        let cause = Cause {
            attempt: Some(&error),
            ..Cause::default()
        };
        self.settle_all(books, Signal::ConnectFailed, &cause, &error);
        if books.link.state() != ConnectionState::Connecting {
            books.link.answer(Err(error));
        }
        books.link.proceed();
    }

    /// The open link ended; returns the code to close it with.
    fn lose(&self, books: &mut Books<T>, mut end: End, sought: bool) -> Option<u16> {
        let close = books.link.ended(&mut end, sought);
        let signal = end.signal;
        let cause = Cause {
            end: Some(&end),
            limit: self.options.limits.message_bytes as u64,
            ..Cause::default()
        };
        let error = cause.error(match signal {
            Signal::TooLarge => Ending::MessageTooLarge,
            _ => Ending::ConnectionLost,
        });
        self.settle_all(books, signal, &cause, &error);
        books.link.proceed();
        close
    }

    /// The runtime of the link died. Nothing is sought again: that is for who comes from another
    /// runtime to ask for (REQ-CONN-24).
    fn died(&self, link: u64) {
        let mut books = self.lock();
        if !books.link.is_newest(link) {
            return;
        }
        if books.link.is_open(link) {
            self.lose(&mut books, End::new(Signal::Lost, Some(1006)), false);
        } else if books.link.is_sought() {
            let gone = Draft::new("the runtime of the attempt ended");
            let gone = gone.place(&self.options.place).end(Leaf::ConnectFailed);
            let error = books.link.fail(&Failure::last(gone));
            self.attempt_failed(&mut books, error);
        }
    }
}

impl<T: InFlight> Upper for Router<T> {
    fn opened(&self, link: u64) -> bool {
        let mut books = self.lock();
        let known = books.calls.session_known();
        let wanted = books.link.opened(link, known);
        if wanted {
            let serials: Vec<u64> = books.turns.keys().copied().collect();
            for serial in serials {
                self.within(&mut books, serial, |turn, sender| {
                    turn.on_local(Signal::Opened, &Cause::default(), sender);
                });
            }
            books.link.release();
        }
        wanted
    }

    fn failed(&self, link: u64, failure: Failure) {
        let mut books = self.lock();
        if let Some(error) = books.link.failed(link, &failure) {
            self.attempt_failed(&mut books, error);
        }
    }

    fn frames(&self, link: u64, patterns: &[Arc<Pattern>], frames: &mut Vec<Came>) -> bool {
        let mut books = self.lock();
        if !books.link.is_open(link) {
            frames.clear();
            return false;
        }
        let (now, all) = (self.now(), frames.len());
        books.link.heard(now);
        books.now = Some(now);
        let mut woken = Vec::new();
        let left = self.hand_out(&mut books, patterns, frames, &mut woken);
        books.link.read(all - left.unwrap_or_default());
        books.now = None;
        drop(books);
        woken.into_iter().for_each(|shown| shown.wake());
        left.is_some()
    }

    fn ended(&self, link: u64, end: End) -> Option<u16> {
        let mut books = self.lock();
        match books.link.is_open(link) {
            true => self.lose(&mut books, end, true),
            false => None,
        }
    }

    fn orphaned(&self, link: u64) {
        if self.books.try_lock().is_ok() {
            self.died(link);
        } else if let Some(me) = self.me.upgrade() {
            // Whoever holds the books may be the one that dropped the task.
            std::thread::spawn(move || me.died(link));
        }
    }

    fn due(&self, kind: Waits, live: &AtomicBool) {
        let mut books = self.lock();
        match books.link.due(kind, live) {
            Some(Due::Pinged(id)) => Self::pinged(&mut books, id),
            Some(Due::Dead(end)) => {
                self.lose(&mut books, end, true);
            }
            None => {}
        }
    }
}

/// The wire's word for the type of an event.
fn wire_word(event: &Event) -> &str {
    match event {
        Event::Unknown(unread) => unread.wire_type(),
        known => known.event_type().as_str(),
    }
}
