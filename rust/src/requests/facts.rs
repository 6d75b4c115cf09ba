//! What a frame says to the machines, read once before any of them moves.

use crate::wire::errors::{Terminal, code_row};
use crate::wire::events::{Event, EventType};
use crate::wire::steps::{CodeTerminal, Facts, Signal};

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
