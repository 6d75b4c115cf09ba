//! One `send_message` and all it causes: a handle to iterate, await, answer and stop.

mod again;
mod cell;
mod clocks;
mod driver;
mod ending;
mod events;
mod handle;
mod handling;
mod inquiry;
mod items;
mod line;
#[cfg(test)]
mod machine_vectors;
mod owner;
mod questions;
mod recover;
mod result;
mod resuming;
mod state;
mod suspended;
mod text;
mod tools;
pub(crate) mod verbs;

pub use self::events::{TextStream, TurnEvents};
pub(crate) use self::handle::Owner;
pub use self::handle::{Turn, TurnHandle};
pub(crate) use self::inquiry::Subject;
pub(crate) use self::owner::Books;
pub use self::questions::Question;
pub use self::recover::Recovery;
pub(crate) use self::recover::recover;
pub use self::result::{Outcome, TurnResult};
pub use self::tools::ToolCallView;
pub use self::verbs::{OtpCheck, SubmitResult};
pub use crate::handlers::{ConfirmAsk, Handlers, InteractionAsk, OtpAsk};
