//! Client of the smooth-operator protocol: open a session, send a message, watch the answer
//! stream, answer the agent's questions, get one authoritative end.
//!
//! Start with [`SmoothAgentClient`], [`Conversation`] and [`Turn`]; the protocol's own verbs are on
//! the client as well, with their actions in [`action`]. Everything that arrives is an [`Event`].

#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arguments;
mod client;
mod clock;
mod connection;
mod conversation;
mod errors;
mod handlers;
mod ids;
mod listeners;
mod logging;
mod observer;
mod opener;
mod options;
mod requests;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod turn;
mod wire;

pub use crate::client::{ClientBuilder, Pong, SmoothAgentClient, States};
pub use crate::clock::{Clock, SystemClock, Timer};
pub use crate::connection::Counters;
pub use crate::conversation::{
    Conversation, Messages, ResumeConversation, SendOptions, StartConversation,
};
pub use crate::errors::failure;
pub use crate::errors::{Error, ErrorKind, QuestionKind};
pub use crate::listeners::{Direction, FrameInfo, ListenerId, StateChange};
pub use crate::logging::{Level, LogRecord};
pub use crate::observer::Observer;
#[cfg(feature = "tracing")]
pub use crate::observer::TracingObserver;
pub use crate::opener::{Message, OpenRequest, RefusedHandshake};
pub use crate::options::{QueuePolicy, TokenIn, TokenReason, TokenRequest, TurnPolicy};
pub use crate::requests::Pending;
pub use crate::turn::{
    ConfirmAsk, Handlers, InteractionAsk, OtpAsk, OtpCheck, Outcome, Question, Recovery,
    SubmitResult, TextStream, ToolCallView, Turn, TurnEvents, TurnHandle, TurnResult,
};
pub use crate::wire::actions as action;
pub use crate::wire::codec::{DecodeError, decode};
pub use crate::wire::enums;
pub use crate::wire::events as event;
pub use crate::wire::events::{Event, EventType, Problem, UnknownEvent};
pub use crate::wire::json::{Extra, Field, Json, JsonObject};
pub use crate::wire::steps::{ConnectionState, TurnState};
pub use crate::wire::types;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
