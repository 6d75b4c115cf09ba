//! Actions in flight: calls that wait for their answer, and the ids of what has settled.

mod pending;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

pub use self::pending::Pending;
use crate::clock::Timer;
use crate::connection::{End, UNAUTHENTICATED};
use crate::errors::{Draft, Error, QuestionKind};
use crate::options::Limits;
use crate::wire::errors::Leaf;
use crate::wire::events::{Event, EventType};
use crate::wire::json::JsonObject;
use crate::wire::machine::{ANSWERS, CALL, CallState, Effect, Guard, Signal, Verb, step};

/// What a timer stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tick {
    /// A call's time is over.
    Call,
    /// A turn may have been silent for too long.
    Idle,
    /// A turn ran for too long.
    Total,
    /// A `cancel` was not confirmed in time.
    Cancel,
    /// A question was not answered in time.
    Question(QuestionKind),
    /// A verb had no answer in time.
    Verb(u64),
}

/// Names one call or turn: ids may come back, serial numbers never do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) serial: u64,
}

/// What the rooms that decide may ask of the outside. Nothing of it calls back or waits.
pub(crate) trait Desk {
    fn now(&self) -> Duration;
    fn limits(&self) -> &Limits;
    /// Runs a tick later.
    fn arm(&self, delay: Duration, key: &Key, tick: Tick) -> Timer;
    /// Queues a frame and returns its number.
    fn send(&mut self, name: &'static str, request_id: Option<&str>, text: String) -> u64;
    /// Takes a frame back; false when the socket has it already.
    fn take_back(&mut self, packet: u64) -> bool;
    /// Whether what is sent now waits for an attempt.
    fn waits_for_link(&self) -> bool;
    fn is_sent(&self, packet: u64) -> bool;
    /// Logs something at warning.
    fn warn(&mut self, message: String, request_id: Option<&str>);
}

/// A frame as the rooms see it: its signal, and the event it carries.
pub(crate) struct Arrived<'a> {
    pub(crate) event: &'a Event,
    /// The known type of a frame whose body is broken.
    pub(crate) broken: Option<EventType>,
}

impl Arrived<'_> {
    /// What it is to a turn: a terminal event with a broken body is `broken`, any other broken
    /// body an unknown event (REQ-WIRE-03).
    pub(crate) fn turn_signal(&self) -> Signal {
        match self.broken {
            Some(found) if found.may_end_turn() => Signal::Broken,
            _ => self.event.event_type().into(),
        }
    }

    /// The status of the event, of those that have one.
    pub(crate) fn status(&self) -> Option<i64> {
        match self.event {
            Event::ImmediateResponse(event) => event.status(),
            Event::EventualResponse(event) => Some(event.status()),
            _ => None,
        }
    }
}

/// Why something settled; what an error can say beyond its kind.
#[derive(Default)]
pub(crate) struct Cause<'a> {
    pub(crate) arrived: Option<&'a Arrived<'a>>,
    pub(crate) end: Option<End>,
    pub(crate) attempt: Option<&'a Error>,
    /// Size of a message that was too large on its way out.
    pub(crate) size: Option<u64>,
    pub(crate) limit: u64,
}

/// The error that a settling effect stands for; none for the effects that are no failure.
pub(crate) fn error_of(effect: Effect, cause: &Cause<'_>) -> Option<Error> {
    let code = cause.end.as_ref().map(|end| end.code);
    let reason = cause.end.as_ref().map(|end| end.reason.as_str());
    let lost = |leaf| {
        let refused = code == Some(UNAUTHENTICATED);
        Draft::default()
            .close_code(code)
            .close_reason(reason)
            .end(if refused { Leaf::Authentication } else { leaf })
    };
    Some(match effect {
        Effect::SettleFailedConnectionLost => lost(Leaf::ConnectionLost),
        Effect::SettleFailedTurnInterrupted => lost(Leaf::TurnInterrupted),
        Effect::SettleFailedByCode => match cause.arrived?.event {
            Event::Error(event) => Error::of_event(event),
            _ => return None,
        },
        Effect::SettleFailedProtocol => {
            let arrived = cause.arrived?;
            let status = arrived.status().unwrap_or_default();
            Draft::default()
                .status(status)
                .event(arrived.event.clone())
                .end(Leaf::Protocol)
        }
        Effect::SettleFailedUnexpectedEvent => {
            let event = cause.arrived?.event;
            Draft::new(event.event_type().as_str())
                .event(event.clone())
                .end(Leaf::UnexpectedEvent)
        }
        Effect::SettleFailedInvalidFrame => invalid_frame(cause.arrived?.event),
        Effect::SettleFailedAttempt => cause.attempt?.clone(),
        Effect::SettleFailedNotConnected => Draft::default().end(Leaf::NotConnected),
        Effect::SettleFailedClientClosed => Draft::default().end(Leaf::ClientClosed),
        Effect::SettleFailedMessageTooLarge => {
            let size = cause
                .size
                .or_else(|| cause.end.as_ref().and_then(|end| end.size));
            Draft::default()
                .size(size, cause.limit)
                .close_code(code)
                .end(Leaf::MessageTooLarge)
        }
        Effect::SettleFailedRequestTimeout => Draft::default().end(Leaf::RequestTimeout),
        _ => return None,
    })
}

/// The error of a frame that had to be understood and was broken.
pub(crate) fn invalid_frame(event: &Event) -> Error {
    let Event::Unknown(unread) = event else {
        return Draft::default().end(Leaf::InvalidFrame);
    };
    let pointer = unread
        .problem()
        .map_or("", |problem| problem.pointer.as_str());
    Draft::default()
        .pointer(pointer)
        .event(event.clone())
        .end(Leaf::InvalidFrame)
}

/// What answers a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expects {
    /// The reply of an action.
    Reply(EventType),
    /// Whatever answers a verb. Its turn is not live here: other events of the id are somebody
    /// else's (REQ-VERB-08).
    Verb(Verb),
}

impl Expects {
    fn names(self, found: EventType) -> bool {
        match self {
            Self::Reply(reply) => reply == found,
            Self::Verb(verb) => ANSWERS
                .iter()
                .any(|row| row.on == found.into() && row.verbs.contains(&verb)),
        }
    }

    /// What a sound event is to the call.
    fn signal(self, arrived: &Arrived<'_>) -> Signal {
        let found = arrived.event.event_type();
        let shared = matches!(self, Self::Verb(_));
        match found {
            EventType::Error | EventType::Keepalive | EventType::Unknown => found.into(),
            _ if shared && arrived.status() == Some(202) => Signal::Unknown,
            _ if self.names(found) => Signal::Result,
            _ if shared => Signal::Unknown,
            _ => Signal::Unexpected,
        }
    }
}

/// One call that waits.
pub(crate) struct Waiting {
    pub(crate) key: Key,
    pub(crate) expects: Expects,
    pub(crate) session_id: Option<String>,
    pub(crate) place: Arc<str>,
    pub(crate) done: oneshot::Sender<Result<Event, Error>>,
    pub(crate) packet: Option<u64>,
    pub(crate) _timer: Option<Timer>,
}

impl Waiting {
    fn finish(self, outcome: Result<Event, Error>) {
        let outcome = outcome.map_err(|error| {
            error.with(|draft| {
                let draft = draft.request(&self.key.id).place(&self.place);
                self.session_id
                    .iter()
                    .fold(draft, |draft, id| draft.session(id))
            })
        });
        let _ = self.done.send(outcome); // nobody waits any more: the answer is of no use
    }
}

/// What became of a frame that a call owns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The call took it, or it is for the frame tap alone.
    Done,
    /// It goes to the event listeners.
    Push,
}

/// All calls in flight, and the newest ids that settled.
#[derive(Default)]
pub(crate) struct Requests {
    calls: HashMap<String, Waiting>,
    settled: SettledIds,
}

impl Requests {
    pub(crate) fn is_waiting(&self, id: &str) -> bool {
        self.calls.contains_key(id)
    }

    pub(crate) fn is_settled(&self, id: &str) -> bool {
        self.settled.names.contains(id)
    }

    pub(crate) fn remember(&mut self, id: &str) {
        self.settled.insert(id);
    }

    pub(crate) fn forget(&mut self, id: &str) {
        self.settled.remove(id);
    }

    pub(crate) fn start(&mut self, call: Waiting) {
        self.settled.remove(&call.key.id);
        self.calls.insert(call.key.id.clone(), call);
    }

    /// Hands a frame to the call of its id (REQ-CALL-03).
    pub(crate) fn on_frame(&mut self, id: &str, arrived: &Arrived<'_>) -> Option<Taken> {
        let call = self.calls.get(id)?;
        let signal = match arrived.broken {
            Some(broken) if call.expects.names(broken) || broken == EventType::Error => {
                Signal::Broken
            }
            Some(_) => Signal::Unknown,
            None => call.expects.signal(arrived),
        };
        let status_error = arrived.status().is_some_and(|status| status >= 400);
        let cause = Cause {
            arrived: Some(arrived),
            ..Cause::default()
        };
        let taken = self.step(id, signal, status_error, &cause);
        Some(taken)
    }

    /// Settles one call by something that happened here.
    pub(crate) fn fail(&mut self, id: &str, signal: Signal, cause: &Cause<'_>) {
        self.step(id, signal, false, cause);
    }

    /// Settles every call: the link ended, the attempt failed or the client closes.
    pub(crate) fn fail_all(&mut self, signal: Signal, cause: &Cause<'_>) {
        let mut ids: Vec<(u64, String)> = self
            .calls
            .values()
            .map(|call| (call.key.serial, call.key.id.clone()))
            .collect();
        ids.sort_unstable();
        for (_, id) in ids {
            self.step(&id, signal, false, cause);
        }
    }

    /// Removes a call whose wait was given up; returns the number of its frame.
    pub(crate) fn abandon(&mut self, key: &Key) -> Option<u64> {
        self.calls.get(&key.id).filter(|call| call.key == *key)?;
        let call = self.calls.remove(&key.id)?;
        self.settled.insert(&key.id);
        call.packet
    }

    pub(crate) fn packet(&self, key: &Key) -> Option<u64> {
        self.calls
            .get(&key.id)
            .filter(|call| call.key == *key)?
            .packet
    }

    fn step(&mut self, id: &str, signal: Signal, status_error: bool, cause: &Cause<'_>) -> Taken {
        let moved = step(&CALL, CallState::Waiting, signal, |guard| {
            guard == Guard::StatusError && status_error
        });
        let Some((state, effects)) = moved else {
            return Taken::Done;
        };
        let push = effects.contains(&Effect::Push);
        if state == CallState::Settled
            && let Some(call) = self.calls.remove(id)
        {
            self.settled.insert(id);
            let error = effects.iter().find_map(|effect| error_of(*effect, cause));
            call.finish(match (error, cause.arrived) {
                (Some(error), _) => Err(error),
                (None, Some(arrived)) => Ok(arrived.event.clone()),
                (None, None) => Err(Error::argument("the call ended without an answer")),
            });
        }
        if push { Taken::Push } else { Taken::Done }
    }
}

/// The newest ids that settled (REQ-TURN-06): what still comes for them disturbs nobody.
#[derive(Default)]
struct SettledIds {
    order: VecDeque<String>,
    names: HashSet<String>,
}

impl SettledIds {
    const KEPT: usize = 1024;

    fn insert(&mut self, id: &str) {
        if self.names.insert(id.to_owned()) {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > Self::KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    fn remove(&mut self, id: &str) {
        if self.names.remove(id) {
            self.order.retain(|other| other != id);
        }
    }
}

/// A JSON object from anything that is written as one.
pub(crate) fn object_of<T: serde::Serialize + ?Sized>(value: &T) -> Result<JsonObject, Error> {
    JsonObject::from_serialize(value)
        .map_err(|_| Error::argument("the values are not written as a JSON object"))
}

#[cfg(test)]
mod tests {
    use super::SettledIds;

    #[test]
    fn req_turn_06_the_newest_1024_settled_ids_are_remembered() {
        let mut ids = SettledIds::default();
        for number in 0..1_025 {
            ids.insert(&number.to_string());
        }
        assert!(!ids.names.contains("0"));
        assert!(ids.names.contains("1") && ids.names.contains("1024"));
        assert_eq!((ids.order.len(), ids.names.len()), (1_024, 1_024));
    }
}
