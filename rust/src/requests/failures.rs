//! The errors that the tables ask for by an ending, and what is known of their cause.

use super::facts::Arrived;
use crate::connection::{End, refuses_credentials};
use crate::errors::{Draft, Error};
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::options::OUTBOUND_BYTES;
use crate::wire::steps::Ending;

/// Why something settled; what an error can say beyond its kind.
#[derive(Default)]
pub(crate) struct Cause<'a> {
    pub(crate) arrived: Option<&'a Arrived<'a>>,
    pub(crate) end: Option<&'a End>,
    pub(crate) attempt: Option<&'a Error>,
    /// What the handler of a question failed with.
    pub(crate) handler: Option<&'a Error>,
    /// Size of a message that was too large on its way out.
    pub(crate) size: Option<u64>,
    pub(crate) limit: u64,
}

impl<'a> Cause<'a> {
    /// A frame came.
    pub(crate) fn came(arrived: &'a Arrived<'a>) -> Self {
        Self {
            arrived: Some(arrived),
            ..Self::default()
        }
    }

    /// A message was over the limit of what is sent (REQ-CALL-10).
    pub(crate) fn too_large(size: usize) -> Self {
        Self {
            size: Some(size as u64),
            limit: OUTBOUND_BYTES as u64,
            ..Self::default()
        }
    }

    /// The error of an ending.
    pub(crate) fn error(&self, ending: Ending) -> Error {
        let plain = |leaf| Draft::default().end(leaf);
        match ending {
            Ending::ConnectionLost => self.lost(Leaf::ConnectionLost),
            Ending::TurnInterrupted => self.lost(Leaf::TurnInterrupted),
            Ending::MessageTooLarge => self.over_limit(),
            Ending::ByCode => match self.arrived.map(|it| it.event) {
                Some(Event::Error(event)) => Error::of_event(event),
                _ => plain(Leaf::Protocol),
            },
            Ending::Protocol => self.refused_by_status(),
            Ending::UnexpectedEvent => self.unexpected(),
            Ending::InvalidFrame => self.invalid_frame(),
            Ending::Attempt => match self.attempt {
                Some(error) => error.clone(),
                None => plain(Leaf::ConnectFailed),
            },
            Ending::NotConnected => plain(Leaf::NotConnected),
            Ending::QueueFull => plain(Leaf::QueueFull),
            Ending::ClientClosed => plain(Leaf::ClientClosed),
            Ending::RequestTimeout => plain(Leaf::RequestTimeout),
            Ending::TurnTimeout => plain(Leaf::TurnTimeout),
            Ending::ReconnectExhausted => plain(Leaf::ReconnectExhausted),
            Ending::HandlerFailed => match self.handler {
                Some(error) => error.clone(),
                None => plain(Leaf::Handler),
            },
            // No failure: the end of a cancelled turn that the server did not confirm.
            Ending::Unconfirmed => plain(Leaf::ClientClosed),
        }
    }

    /// The link ended; its close code may say that the credentials were refused.
    fn lost(&self, leaf: Leaf) -> Error {
        let code = self.end.and_then(|end| end.code);
        let leaf = match code {
            Some(code) if refuses_credentials(code) => Leaf::Authentication,
            _ => leaf,
        };
        Draft::default()
            .close_code(code)
            .close_reason(self.end.map(|end| end.reason.as_str()))
            .end(leaf)
    }

    fn over_limit(&self) -> Error {
        let size = self.size.or_else(|| self.end.and_then(|end| end.size));
        Draft::default()
            .size(size, self.limit)
            .close_code(self.end.and_then(|end| end.code))
            .end(Leaf::MessageTooLarge)
    }

    fn refused_by_status(&self) -> Error {
        let Some(arrived) = self.arrived else {
            return Draft::default().end(Leaf::Protocol);
        };
        Draft::default()
            .status(arrived.status().unwrap_or_default())
            .event(arrived.event.clone())
            .end(Leaf::Protocol)
    }

    fn unexpected(&self) -> Error {
        let Some(arrived) = self.arrived else {
            return Draft::default().end(Leaf::UnexpectedEvent);
        };
        Draft::new(arrived.event.event_type().as_str())
            .event(arrived.event.clone())
            .end(Leaf::UnexpectedEvent)
    }

    /// A frame that had to be understood was broken.
    fn invalid_frame(&self) -> Error {
        let Some(Event::Unknown(unread)) = self.arrived.map(|it| it.event) else {
            return Draft::default().end(Leaf::InvalidFrame);
        };
        let draft = Draft::default().event(Event::Unknown(unread.clone()));
        let draft = match unread.problem() {
            Some(problem) => draft.pointer(&problem.pointer),
            None => draft, // an event of tomorrow, out of order (REQ-RESUME-06)
        };
        draft.end(Leaf::InvalidFrame)
    }
}

/// The error of a message that is too large to be sent.
pub(crate) fn too_large(size: usize) -> Error {
    Cause::too_large(size).error(Ending::MessageTooLarge)
}
