//! Actions in flight: the router knows who gets a frame, the sender is the way out, and calls wait
//! for their one answer.

mod asking;
mod calls;
mod facts;
mod failures;
mod inquiries;
mod pending;
mod quiet;
mod router;
mod routing;
mod sender;

pub(crate) use self::asking::fault;
pub(crate) use self::calls::{Answer, Expects};
pub(crate) use self::facts::Arrived;
pub(crate) use self::failures::{Cause, too_large};
pub(crate) use self::inquiries::{Asking, Heard, Inquired, Listener, NewInquiry, Told};
pub use self::pending::Pending;
pub(crate) use self::quiet::Quiet;
pub(crate) use self::router::{InFlight, NewCall, Router, Shown};
pub(crate) use self::sender::Sender;
use crate::wire::steps::QuestionKind;

/// What a timer stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tick {
    /// A call's time is over.
    Call,
    /// An inquiry is asked again.
    Inquiry,
    /// A turn may have been silent for too long.
    Idle,
    /// A turn ran for too long.
    Total,
    /// A `cancel` was not confirmed in time.
    Cancel,
    /// A question was not answered in time.
    Question(QuestionKind),
    /// Nobody took up a suspended turn in time.
    Resume,
    /// A suspended turn is asked for once more.
    Again,
    /// A message that came too early is sent again.
    Slot,
    /// A question has been open for a while, and perhaps nobody looks at it.
    Unseen(QuestionKind),
    /// A handler took too long: the number of its call.
    Handler(u64),
    /// A verb had no answer in time.
    Verb(u64),
}

/// Names one call or turn: ids may come back, serial numbers never do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) serial: u64,
}
