//! Calls in flight: actions with one answer, each stepping through the machine `call`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::facts::Arrived;
use super::failures::Cause;
use super::inquiries::Listener;
use super::{Key, Tick};
use crate::clock::Timer;
use crate::connection::Outgoing;
use crate::errors::{Draft, Error};
use crate::listeners::Dispatcher;
use crate::observer::Seen;
use crate::wire::actions::{Action as _, Call as _, CreateConversationSession, GetSession};
use crate::wire::events::{Event, EventType};
use crate::wire::options::SETTLED_IDS;
use crate::wire::steps::{
    CALL, CallEffect, CallState, Facts, Outcome, Signal, TurnState, Verb, answering, reads_only,
};

/// What a call comes to: the event that answers it, and whether a turn begins with it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) event: Event,
    pub(crate) opened: bool,
}

/// What answers a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expects {
    /// The reply of an action.
    Reply(EventType),
    /// Whatever answers a verb. Its turn is not live here: other events of the id are somebody
    /// else's (REQ-VERB-08). `opens` says whether status 202, before any other frame, begins a turn
    /// (REQ-VERB-15).
    Verb { verb: Verb, opens: bool },
}

impl Expects {
    fn names(self, found: EventType) -> bool {
        match self {
            Self::Reply(reply) => reply == found,
            Self::Verb { verb, .. } => {
                let facts = Facts {
                    turn: Some(TurnState::Running),
                    ..Facts::default()
                };
                answering(found.into(), &facts).contains(&verb)
            }
        }
    }

    /// What an event is to the call.
    fn signal(self, arrived: &Arrived<'_>) -> Signal {
        let found = arrived.event.event_type();
        let shared = matches!(self, Self::Verb { .. });
        match arrived.broken {
            Some(broken) if self.names(broken) || broken == EventType::Error => Signal::Broken,
            Some(_) => Signal::Unknown,
            None => match found {
                EventType::Error | EventType::Keepalive | EventType::Unknown => found.into(),
                _ if shared && arrived.status() == Some(202) => Signal::Unknown,
                _ if self.names(found) => Signal::Result,
                _ if shared => Signal::Unknown,
                _ => Signal::Unexpected,
            },
        }
    }

    /// Whether a turn begins with a frame that is the first of its id.
    fn opens(self, arrived: &Arrived<'_>) -> bool {
        let acknowledged = matches!(arrived.event, Event::ImmediateResponse(_));
        matches!(self, Self::Verb { opens: true, .. })
            && acknowledged
            && arrived.status() == Some(202)
    }
}

/// One call that waits.
pub(crate) struct Waiting {
    pub(crate) key: Key,
    pub(crate) expects: Expects,
    pub(crate) session_id: Option<String>,
    pub(crate) place: Arc<str>,
    pub(crate) done: oneshot::Sender<Result<Answer, Error>>,
    pub(crate) frame: Arc<Outgoing>,
    /// Whether a frame of this id came.
    pub(crate) begun: bool,
    /// Whether the frame was written a second time.
    pub(crate) repeated: bool,
    pub(crate) _timer: Option<Timer>,
    /// What an inquiry makes of the frames of its id; none for a call with one answer.
    pub(crate) listener: Option<Box<dyn Listener>>,
    /// Who waits until the id is free; an inquiry tells them what answers it.
    pub(crate) others: Vec<oneshot::Sender<Result<Event, Error>>>,
    /// Runs until an inquiry is asked again.
    pub(crate) pause: Option<Timer>,
}

impl Waiting {
    /// A call whose frame is queued, that nobody waits for and that no limit ends.
    pub(crate) fn new(
        key: Key,
        session_id: Option<String>,
        place: Arc<str>,
        frame: Arc<Outgoing>,
    ) -> Self {
        Self {
            key,
            expects: Expects::Reply(EventType::Unknown),
            session_id,
            place,
            done: oneshot::channel().0,
            frame,
            begun: false,
            repeated: false,
            _timer: None,
            listener: None,
            others: Vec::new(),
            pause: None,
        }
    }

    /// What the machine may look at when something happens to the link.
    fn facts(&self, sought: bool) -> Facts<'static> {
        Facts {
            may_have_left: Some(self.frame.may_have_left()),
            sought: Some(sought),
            repeatable: Some(match self.listener {
                Some(_) => true, // it is asked on every link
                None => reads_only(self.frame.action) && !self.repeated,
            }),
            ..Facts::default()
        }
    }

    fn finish(self, outcome: Result<Answer, Error>, dispatcher: &Arc<Dispatcher>) {
        self.frame.withdraw();
        let outcome = outcome.map_err(|error| {
            error.with(|draft: Draft| {
                let draft = draft.request(&self.key.id).place(&self.place);
                draft.session_of(&self.session_id)
            })
        });
        if self.listener.is_some() {
            for other in self.others {
                let _ = other.send(outcome.clone().map(|it| it.event));
            }
            return; // nobody is told of it
        }
        dispatcher.seen(|| {
            let error = outcome.as_ref().err().cloned();
            Seen::Call(self.frame.action, self.key.id.clone(), error)
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
    /// An inquiry is to be asked again after that time.
    Later(Key, Duration),
    /// A turn of that session begins with it.
    Opened(String),
}

/// All calls in flight, and the newest ids that settled.
pub(crate) struct Calls {
    dispatcher: Arc<Dispatcher>,
    pub(super) waiting: HashMap<String, Waiting>,
    /// Frames that are to be written again.
    again: Vec<Arc<Outgoing>>,
    settled: SettledIds,
    /// Whether a session was opened or found.
    session_known: bool,
}

impl Calls {
    pub(super) fn new(dispatcher: Arc<Dispatcher>) -> Self {
        Self {
            dispatcher,
            waiting: HashMap::new(),
            again: Vec::new(),
            settled: SettledIds::default(),
            session_known: false,
        }
    }

    /// Whether a session was opened or found: events of it may be missed (REQ-CONN-42).
    pub(super) fn session_known(&self) -> bool {
        self.session_known
    }

    pub(super) fn is_waiting(&self, id: &str) -> bool {
        self.waiting.contains_key(id)
    }

    pub(super) fn is_settled(&self, id: &str) -> bool {
        self.settled.names.contains(id)
    }

    pub(super) fn remember(&mut self, id: &str) {
        self.settled.insert(id);
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.settled.remove(id);
    }

    pub(super) fn start(&mut self, call: Waiting) {
        self.settled.remove(&call.key.id);
        self.waiting.insert(call.key.id.clone(), call);
    }

    /// Hands a frame to the call of its id (REQ-CALL-03).
    pub(super) fn on_frame(
        &mut self,
        id: &str,
        arrived: &Arrived<'_>,
        draw: &dyn Fn() -> f64,
    ) -> Option<Taken> {
        if let Some(taken) = self.inquired(id, arrived, draw) {
            return Some(taken);
        }
        let call = self.waiting.get_mut(id)?;
        let first = !std::mem::replace(&mut call.begun, true);
        if first && call.expects.opens(arrived) {
            return self.open(id, arrived);
        }
        let signal = call.expects.signal(arrived);
        let cause = Cause::came(arrived);
        Some(self.step(id, signal, &arrived.facts(), &cause))
    }

    fn open(&mut self, id: &str, arrived: &Arrived<'_>) -> Option<Taken> {
        let call = self.waiting.remove(id)?;
        let session_id = call.session_id.clone().unwrap_or_default();
        let answer = Answer {
            event: arrived.event.clone(),
            opened: true,
        };
        call.finish(Ok(answer), &self.dispatcher);
        Some(Taken::Opened(session_id))
    }

    /// A call's time is over.
    pub(super) fn on_tick(&mut self, key: &Key, tick: &Tick) {
        if *tick == Tick::Call && self.owns(key) {
            let (facts, cause) = (Facts::default(), Cause::default());
            self.step(&key.id, Signal::RequestTimeout, &facts, &cause);
        }
    }

    /// Steps every call: the link ended, the attempt failed or the client closes. Returns the
    /// frames that are to be written again (REQ-CALL-13). `sought`: another link follows.
    pub(super) fn on_local(
        &mut self,
        signal: Signal,
        cause: &Cause<'_>,
        sought: bool,
    ) -> Vec<Arc<Outgoing>> {
        let calls = self.waiting.values();
        let mut keys: Vec<(u64, Facts, String)> = calls
            .map(|it| (it.key.serial, it.facts(sought), it.key.id.clone()))
            .collect();
        keys.sort_unstable_by_key(|(serial, ..)| *serial);
        for (_, facts, id) in keys {
            if let Some(call) = self.waiting.get_mut(&id) {
                call.pause = None; // the next link asks
            }
            self.step(&id, signal, &facts, cause);
        }
        std::mem::take(&mut self.again)
    }

    /// Removes a call whose wait was given up; a frame that waits for the link is taken back.
    pub(super) fn abandon(&mut self, key: &Key) {
        if self.owns(key)
            && let Some(call) = self.waiting.remove(&key.id)
        {
            self.settled.insert(&key.id);
            call.frame.withdraw();
        }
    }

    fn owns(&self, key: &Key) -> bool {
        self.waiting.get(&key.id).is_some_and(|it| it.key == *key)
    }

    fn step(&mut self, id: &str, signal: Signal, facts: &Facts, cause: &Cause<'_>) -> Taken {
        let (_, effects) = CALL.step(CallState::Waiting, signal, facts);
        let mut taken = Taken::Done;
        for effect in effects {
            match effect {
                CallEffect::Tap => {} // it was shown when it came
                CallEffect::Push => taken = Taken::Push,
                CallEffect::Repeat => self.repeat(id),
                CallEffect::Settle(outcome, ending) => {
                    let failed = ending.map(|ending| cause.error(ending));
                    let outcome = match (outcome, failed, cause.arrived) {
                        (Outcome::Completed, None, Some(arrived)) => Ok(Answer {
                            event: arrived.event.clone(),
                            opened: false,
                        }),
                        (_, Some(error), _) => Err(error),
                        _ => Err(Error::argument("the call ended without an answer")),
                    };
                    self.settle(id, outcome);
                }
            }
        }
        taken
    }

    /// Lets the frame of a call wait for the next link, once (REQ-CALL-13).
    fn repeat(&mut self, id: &str) {
        if let Some(call) = self.waiting.get_mut(id) {
            call.repeated = true;
            self.again.push(call.ask_again());
        }
    }

    /// An event answers the call of an id.
    pub(super) fn answered(&mut self, id: &str, event: Event) {
        let opened = false;
        self.settle(id, Ok(Answer { event, opened }));
    }

    fn settle(&mut self, id: &str, outcome: Result<Answer, Error>) {
        if let Some(call) = self.waiting.remove(id) {
            self.settled.insert(id);
            let answer = outcome.as_ref().ok();
            self.session_known |= answer.is_some_and(|it| finds(call.frame.action, &it.event));
            call.finish(outcome, &self.dispatcher);
        }
    }
}

/// Whether an answer tells of a session: one with a broken body does not.
fn finds(action: &str, event: &Event) -> bool {
    match action {
        CreateConversationSession::NAME => {
            matches!(CreateConversationSession::read(event), Some(Ok(_)))
        }
        GetSession::NAME => matches!(GetSession::read(event), Some(Ok(_))),
        _ => false,
    }
}

/// The newest ids that settled (REQ-TURN-06): what still comes for them disturbs nobody.
#[derive(Default)]
struct SettledIds {
    order: VecDeque<String>,
    names: HashSet<String>,
}

impl SettledIds {
    fn insert(&mut self, id: &str) {
        if self.names.insert(id.to_owned()) {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > SETTLED_IDS
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
