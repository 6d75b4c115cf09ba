//! One `send_message` and all it causes: a handle to iterate, await, answer and stop.

mod cell;
mod entry;
mod facts;
mod handle;
mod items;
#[cfg(test)]
mod machine_vectors;
mod questions;
mod result;
mod text;
mod tools;
pub(crate) mod verbs;

pub(crate) use self::cell::{Cell, Settled};
pub(crate) use self::entry::Entry;
pub(crate) use self::handle::{Owner, VerbFuture};
pub use self::handle::{TextStream, Turn, TurnEvents, TurnHandle};
pub use self::questions::Question;
pub use self::result::{Outcome, TurnResult};
pub use self::tools::ToolCallView;
pub use self::verbs::{OtpCheck, Submission};
