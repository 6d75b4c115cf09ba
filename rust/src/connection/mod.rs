//! The connection: the supervisor, which knows where the link stands and makes attempts, and the
//! link, one open socket. Frames on their way out wait in the outbox, which outlives a link.

mod attempt;
mod backoff;
mod counters;
mod failure;
mod link;
mod liveness;
mod outbox;
mod seeking;
mod supervisor;
mod timers;
mod writer;

pub(crate) use self::backoff::Backoff;
pub use self::counters::Counters;
pub(crate) use self::failure::Failure;
pub(crate) use self::link::{Came, End, Upper};
pub(crate) use self::outbox::Outgoing;
pub(crate) use self::supervisor::{Attempt, Due, Supervisor, Task};
pub(crate) use self::timers::Waits;

use crate::errors::{Draft, Error};
use crate::wire::codes::close_code;
use crate::wire::errors::Leaf;

/// Whether a close code stands for refused credentials.
pub(crate) fn refuses_credentials(code: u16) -> bool {
    close_code(code).is_some_and(|row| row.kind == "authentication")
}

/// The error of an attempt whose task is gone.
pub(crate) fn gone() -> Error {
    Draft::new("the attempt was given up").end(Leaf::ConnectFailed)
}

#[cfg(test)]
mod learned_tests;
