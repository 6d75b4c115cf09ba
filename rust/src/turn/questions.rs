//! What a turn asks a human (REQ-VERB-01): the questions as they were asked, and their time.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timer;
use crate::wire::events::Event;
use crate::wire::options::{QUESTION_LONGEST, QUESTION_MARGIN};
use crate::wire::steps::QuestionKind;

/// An open question, as a caller sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Question {
    /// What a human is asked for.
    pub kind: QuestionKind,
    /// The event that asked, the newest one where it was updated.
    pub event: Event,
}

/// What is known of one question of a turn; where it stands is in the turn's state.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) event: Option<Event>,
    /// The event that asked for a code, where the newest one tells where it went.
    pub(crate) required: Option<Event>,
    /// The facts of the event, for what an answer sends back.
    facts: Map<String, Value>,
    /// How long the question lives by its own words, and since when.
    duration: Option<Duration>,
    since: Duration,
    /// When the server asked, by its own time, where the event has a number.
    pub(crate) asked_at: Option<i64>,
    pub(crate) timer: Option<Timer>,
}

impl Asked {
    /// Keeps what an event asks; the question's time starts anew with the event's own words.
    pub(crate) fn keep(&mut self, kind: QuestionKind, event: &Event, now: Duration) {
        self.facts = event.facts().to_map();
        self.duration = kind.row().duration.and_then(|until| self.lives(until));
        self.since = now;
        if matches!(event, Event::OtpVerificationRequired(_)) {
            self.required = Some(event.clone());
        }
        self.event = Some(event.clone());
    }

    /// Forgets the question; its machine goes on.
    pub(crate) fn shut(&mut self) {
        (self.event, self.required) = (None, None);
        self.duration = None;
        self.timer = None;
    }

    /// A fact of the event that asked.
    pub(crate) fn fact(&self, name: &str) -> Option<&Value> {
        self.facts.get(name).filter(|value| !value.is_null())
    }

    /// How long the turn waits from now: what the question says, else the default. A default of
    /// zero switches both off.
    pub(crate) fn limit(&self, default: Duration) -> Option<Duration> {
        let own = self.duration.map(|duration| duration + QUESTION_MARGIN);
        (!default.is_zero()).then(|| own.unwrap_or(default))
    }

    /// Whether the question lapsed; one that says no time lapses by a token alone (REQ-VERB-10).
    /// `written`: the time of the server, of a frame that has a number.
    pub(crate) fn expired(&self, now: Duration, written: Option<i64>, token: bool) -> bool {
        self.duration
            .map_or(token, |duration| match self.asked_at.zip(written) {
                Some((asked, written)) => {
                    let passed = u64::try_from(written.saturating_sub(asked)).unwrap_or_default();
                    Duration::from_millis(passed) >= duration
                }
                None => now >= self.since + duration,
            })
    }

    /// How long a question lives: the distance of two times of the server (REQ-TURN-24). A negative
    /// one is zero, one over the longest says nothing.
    fn lives(&self, until: &str) -> Option<Duration> {
        let (expires, written) = (
            self.fact(until)?.as_i64()?,
            self.fact("timestamp")?.as_i64()?,
        );
        let distance = u64::try_from(expires.saturating_sub(written)).unwrap_or(0);
        let distance = Duration::from_millis(distance);
        (distance <= QUESTION_LONGEST).then_some(distance)
    }
}
