//! What a frame says to the machines, read once before any of them moves.

use crate::wire::errors::{Terminal, code_row};
use crate::wire::events::{Event, EventType};
use crate::wire::steps::{CodeTerminal, Facts, Signal};

/// The largest number that every language reads as it is.
const MOST: i64 = 9_007_199_254_740_991;

/// A whole number of the top level of a frame, however it is written.
#[allow(clippy::cast_possible_truncation)]
fn number(raw: &str, name: &str) -> Option<i64> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(raw).ok()?;
    let value = members.get(name)?;
    let whole = |it: &f64| it.fract() == 0.0 && it.abs() < 9.0e15;
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(whole).map(|it| it as i64))
}

/// A fact that all events of a turn have, by its accessor; `else` for the others.
macro_rules! of_event {
    ($event:expr, $fact:ident, $other:ident => $else:expr) => {
        match $event {
            Event::ImmediateResponse(it) => it.$fact(),
            Event::StreamToken(it) => it.$fact(),
            Event::StreamChunk(it) => it.$fact(),
            Event::StreamPreamble(it) => it.$fact(),
            Event::StreamReasoning(it) => it.$fact(),
            Event::WriteConfirmationRequired(it) => it.$fact(),
            Event::OtpVerificationRequired(it) => it.$fact(),
            Event::OtpSent(it) => it.$fact(),
            Event::OtpVerified(it) => it.$fact(),
            Event::OtpInvalid(it) => it.$fact(),
            Event::InteractionRequired(it) => it.$fact(),
            Event::InteractionInvalid(it) => it.$fact(),
            Event::EventualResponse(it) => it.$fact(),
            Event::Cancelled(it) => it.$fact(),
            Event::Error(it) => it.$fact(),
            $other => $else,
        }
    };
}

/// A frame as the rooms see it: its event, and the known type of one whose body is broken.
pub(crate) struct Arrived<'a> {
    pub(crate) event: &'a Event,
    pub(crate) broken: Option<EventType>,
}

impl<'a> Arrived<'a> {
    /// What it is to a turn: a terminal event with a broken body is `broken`, any other broken
    /// body an unknown event (REQ-WIRE-03).
    pub(crate) fn turn_signal(&self) -> Signal {
        match self.broken {
            Some(found) if found.may_end_turn() => Signal::Broken,
            _ => self.event.event_type().into(),
        }
    }

    /// The type of the event, also of one whose body is broken.
    pub(crate) fn event_type(&self) -> EventType {
        self.broken.unwrap_or_else(|| self.event.event_type())
    }

    /// The valid number of the event in its turn (REQ-RESUME-06).
    pub(crate) fn seq(&self) -> Option<i64> {
        let seq = of_event!(self.event, seq, event => number(event.raw(), "seq"));
        seq.filter(|seq| (1..=MOST).contains(seq))
    }

    /// When the server wrote the event, where it says so and the event has a number.
    pub(crate) fn numbered_at(&self) -> Option<i64> {
        self.seq()?;
        of_event!(self.event, timestamp, _event => None)
    }

    /// The status of the event, of those that have one.
    pub(crate) fn status(&self) -> Option<i64> {
        match self.event {
            Event::ImmediateResponse(event) => event.status(),
            Event::EventualResponse(event) => Some(event.status()),
            _ => None,
        }
    }

    /// What the frame alone says.
    pub(crate) fn facts(&self) -> Facts<'a> {
        let mut facts = Facts {
            status: self.status(),
            ..Facts::default()
        };
        match self.event {
            Event::OtpInvalid(event) => facts.attempts_remaining = Some(event.attempts_remaining()),
            Event::StreamChunk(event) => facts.tool_result = Some(event.has_tool_result()),
            Event::Error(event) => {
                facts.code = Some(event.code());
                facts.code_terminal = Some(match code_row(event.code()).terminal {
                    Terminal::Always => CodeTerminal::Always,
                    Terminal::Never => CodeTerminal::Never,
                    Terminal::UnlessVerb => CodeTerminal::UnlessVerb,
                });
                facts.said_terminal = event.terminal();
            }
            _ => {}
        }
        facts
    }
}
