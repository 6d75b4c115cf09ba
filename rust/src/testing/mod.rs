//! For tests of programs that use this crate: a whole server of the protocol inside the test's process.
//!
//! Say what the agent does with [`FakeServer::on_message`], talk to it through
//! [`FakeServer::conversation`] or [`FakeServer::client`], and look at [`FakeServer::sent`]. Frames
//! cross in memory; time is tokio's, so that a test with `start_paused` waits for nothing. With
//! [`FakeServer::listen`] the same server listens on 127.0.0.1 for any client or program.
//!
//! ```
//! use smooth_operator::Handlers;
//! use smooth_operator::testing::FakeServer;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let srv = FakeServer::new();
//! srv.on_message("refund").confirm("refund order 7").tokens(["Do", "ne"]).finish();
//! let chat = srv.conversation(Handlers::new().confirm(|_| async { Ok::<_, std::io::Error>(true) })).await.unwrap();
//! assert_eq!(chat.ask("refund").await.unwrap().text, "Done");
//! assert_eq!(srv.sent("confirm_tool_action")[0]["approved"], true);
//! # });
//! ```
//!
//! A session of a real server is kept in a file by [`record`] and given back by
//! [`FakeServer::replay_of`]. A step that contradicts the protocol panics on the line that writes it.

mod actions;
mod cassette;
mod clock;
mod facts;
mod fields;
mod forms;
mod frames;
mod links;
mod loopback;
mod reply;
mod script;
mod server;
mod state;
mod turns;
mod verbs;

pub use self::cassette::{CassetteError, Recording, record};
pub use self::clock::VirtualClock;
pub use self::facts::{Chunk, Confirm, Finish, Otp};
pub use self::reply::{Matcher, Reply};
pub use self::script::ScriptError;
pub use self::server::{FakeServer, FakeServerBuilder, Stored, StoredMessage};
