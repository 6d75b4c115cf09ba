//! The fake server as a test has it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::cassette::{CassetteError, Tape};
use super::frames::check_close;
use super::links::Pipe;
use super::loopback;
use super::reply::{Matcher, Reply};
use super::script::{Script, ScriptError};
use super::state::{Shared, World};
use crate::clock::{Clock, Timer};
use crate::{ClientBuilder, Conversation, Error, Handlers, SmoothAgentClient};

/// A whole server of the protocol, in memory; see the [module](crate::testing). Dropping it closes it.
pub struct FakeServer {
    shared: Arc<Shared>,
    seed: u64,
    listening: Mutex<Option<(SocketAddr, AbortHandle)>>,
}

/// Options of a [`FakeServer`]; see [`FakeServer::builder`].
#[derive(Debug, Clone)]
pub struct FakeServerBuilder {
    replay: bool,
    seed: u64,
    agent_name: String,
    question_time: Duration,
}

impl FakeServerBuilder {
    /// Whether turns outlive their link (capability `replay`). Default: yes.
    pub fn replay(mut self, replay: bool) -> Self {
        self.replay = replay;
        self
    }

    /// What the randomness of the server's clients begins with. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The display name of the agent. Default: `Fake Agent`.
    pub fn agent_name(mut self, name: impl Into<String>) -> Self {
        self.agent_name = name.into();
        self
    }

    /// How long a question to a human waits; then it counts as denied. Default: 300 s.
    pub fn question_time(mut self, time: Duration) -> Self {
        self.question_time = time;
        self
    }

    /// The server. Needs a tokio runtime.
    pub fn build(self) -> FakeServer {
        FakeServer {
            seed: self.seed,
            listening: Mutex::default(),
            shared: Shared::new(|me| World {
                replay: self.replay,
                agent_name: self.agent_name,
                question_time: self.question_time,
                ..World::new(me)
            }),
        }
    }
}

/// What the server keeps of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The conversation.
    pub id: String,
    /// Its title, or its first message.
    pub title: String,
    /// Its messages, oldest first.
    pub messages: Vec<StoredMessage>,
}

/// A message that the server keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// `inbound` from the person, `outbound` from the agent.
    pub direction: String,
    /// What was said.
    pub text: String,
    /// The requestId of its turn.
    pub request_id: String,
    /// How the turn of an inbound message stands.
    pub turn: Option<String>,
}

impl FakeServer {
    /// The agent that [`conversation`](Self::conversation) talks to. The server takes any.
    pub const AGENT_ID: &str = "00000000-0000-4000-8000-00000000a9e7";

    /// A server with the options' defaults. Needs a tokio runtime.
    #[allow(clippy::new_without_default)] // it needs a runtime
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Options for a server.
    pub fn builder() -> FakeServerBuilder {
        FakeServerBuilder {
            replay: true,
            seed: 0,
            agent_name: "Fake Agent".to_owned(),
            question_time: Duration::from_secs(300),
        }
    }

    /// A server that plays a cassette: the nth action of a type is answered by the frames that followed
    /// the nth of that type in the recording. An action that the cassette does not hold is answered
    /// with VALIDATION_ERROR and listed in [`unmatched`](Self::unmatched).
    ///
    /// # Errors
    /// The file is no cassette, or one of another version.
    pub fn replay_of(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        let tape = Tape::read(path.as_ref())?;
        let server = Self::new();
        server.shared.lock().tape = Some(tape);
        Ok(server)
    }

    /// A reply to write steps on. Of the replies that fit a message, the first one written that is not
    /// used up serves. A message that nothing fits ends its turn with AGENT_ERROR and is listed in
    /// [`unmatched`](Self::unmatched).
    ///
    /// # Panics
    /// When the server plays a script or a cassette.
    #[track_caller]
    pub fn on_message(&self, matcher: impl Matcher) -> Reply {
        let mut world = self.shared.lock();
        let plays = world.script.is_some() || world.tape.is_some();
        if plays {
            drop(world);
            panic!("a server that plays a script or a cassette has no replies");
        }
        let reply = Reply::to(matcher);
        world.replies.push(reply.clone());
        reply
    }

    /// Sets the server up from a file of `smooth-operator-server --script`, in the place of replies.
    ///
    /// # Errors
    /// The text is no such file, or the server has replies.
    pub fn script(&self, document: &str) -> Result<(), ScriptError> {
        let script = Script::read(document)?;
        let mut world = self.shared.lock();
        if !world.replies.is_empty() || world.tape.is_some() {
            let why = "a server that has replies or plays a cassette takes no script";
            return Err(ScriptError(why.to_owned()));
        }
        world.script = Some(script);
        Ok(())
    }

    /// Options of a client of this server, in memory, which connects with its first action. URL,
    /// opener, clock and randomness are the server's; everything else is the test's to say.
    pub fn client(&self) -> ClientBuilder {
        let mut world = self.shared.lock();
        world.clients += 1;
        let seed = self
            .seed
            .wrapping_mul(1_000_003)
            .wrapping_add(world.clients);
        drop(world);
        let shared = Arc::clone(&self.shared);
        SmoothAgentClient::builder("ws://fake.test/ws")
            .lazy(true)
            .clock(TokioClock(Instant::now()))
            .random(chance(seed))
            .opener(move |_| {
                let opened = Pipe::open(&shared);
                async move { opened }
            })
    }

    /// A conversation on a client of its own, with these handlers.
    ///
    /// # Errors
    /// What [`SmoothAgentClient::start_conversation`] fails with.
    pub async fn conversation(&self, handlers: Handlers) -> Result<Conversation, Error> {
        let client = self.client().build()?;
        client
            .start_conversation(Self::AGENT_ID)
            .handlers(handlers)
            .await
    }

    /// Opens a free port of 127.0.0.1 and returns the address. The server's time is the machine's from
    /// now on. A second call returns the same address.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn listen(&self) -> io::Result<String> {
        self.listen_on(0).await
    }

    /// Opens this port of 127.0.0.1, as [`listen`](Self::listen) does.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn listen_on(&self, port: u16) -> io::Result<String> {
        if let Some(url) = self.url() {
            return Ok(url);
        }
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(loopback::serve(listener, Arc::downgrade(&self.shared)));
        *self.port() = Some((address, task.abort_handle()));
        self.shared.lock().real_time = true;
        Ok(format!("ws://{address}/ws"))
    }

    fn port(&self) -> std::sync::MutexGuard<'_, Option<(SocketAddr, AbortHandle)>> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The address on loopback, once the server listens.
    pub fn url(&self) -> Option<String> {
        let port = self.port();
        port.as_ref()
            .map(|(address, _)| format!("ws://{address}/ws"))
    }

    /// The frames of this action that clients have sent, oldest first, over all links; an empty word
    /// stands for every action. What is no JSON object is not among them.
    pub fn sent(&self, action: &str) -> Vec<Value> {
        let world = self.shared.lock();
        let wanted = |frame: &&Value| action.is_empty() || frame["action"] == action;
        world.sent.iter().filter(wanted).cloned().collect()
    }

    /// How many links were opened since the start; refused handshakes are none.
    pub fn connections(&self) -> u64 {
        self.shared.lock().opened
    }

    /// How many links are open now.
    pub fn open_connections(&self) -> usize {
        self.shared.lock().links.len()
    }

    /// The messages that no reply fitted, and for a cassette the actions that it does not hold.
    pub fn unmatched(&self) -> Vec<String> {
        self.shared.lock().unmatched.clone()
    }

    /// Ends all open links; 1006 is an end without a close frame.
    ///
    /// # Panics
    /// With a close code that no peer may send.
    #[track_caller]
    pub fn disconnect(&self, code: u16) {
        check_close(code);
        self.shared.lock().part_all(code);
    }

    /// Answers the next handshakes, as many as `times` says, with this HTTP status and these headers.
    ///
    /// # Panics
    /// With a status that refuses nothing: one outside 300 to 599.
    #[track_caller]
    pub fn refuse(&self, status: u16, times: usize, headers: &[(&str, &str)]) {
        let refuses = (300..600).contains(&status);
        assert!(
            refuses,
            "a handshake cannot be refused with the status {status}"
        );
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let refusals = std::iter::repeat_n((status, headers), times);
        self.shared.lock().refusals.extend(refusals);
    }

    /// Sends this JSON object on all open links, as it is.
    pub fn push(&self, frame: &Value) {
        let world = self.shared.lock();
        for link in world.links.keys() {
            world.send(*link, frame);
        }
    }

    /// What is stored of the conversation of a session; none when there is no such session.
    pub fn conversation_of(&self, session_id: &str) -> Option<Stored> {
        let world = self.shared.lock();
        let talk = &world.talks[world.sessions.get(session_id)?.talk];
        let messages = talk.messages.iter().map(|it| StoredMessage {
            direction: it.direction.to_owned(),
            text: it.text.clone(),
            request_id: it.request_id.clone(),
            turn: it.turn.map(str::to_owned),
        });
        Some(Stored {
            id: talk.id.clone(),
            title: talk.shown_title().to_owned(),
            messages: messages.collect(),
        })
    }

    /// The stored messages of a session's conversation, oldest first.
    pub fn messages(&self, session_id: &str) -> Vec<StoredMessage> {
        let stored = self.conversation_of(session_id);
        stored.map(|it| it.messages).unwrap_or_default()
    }

    /// Closes all links with 1001, ends every waiting turn and frees the port. Twice is once.
    pub fn close(&self) {
        let mut world = self.shared.lock();
        world.closed = true;
        world.part_all(1001);
        for turn in 0..world.turns.len() {
            if world.turns[turn].outcome.is_none() {
                world.settle(turn, "failed");
            }
        }
        drop(world);
        if let Some((_, task)) = self.port().take() {
            task.abort();
        }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for FakeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeServer")
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

impl World {
    fn part_all(&mut self, code: u16) {
        let links: Vec<u64> = self.links.keys().copied().collect();
        for link in links {
            self.part(link, code);
        }
    }
}

/// Tokio's time, which a test can pause.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn schedule(&self, delay: Duration, fire: Box<dyn FnOnce() + Send>) -> Timer {
        let task = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            fire();
        });
        let handle = task.abort_handle();
        Timer::new(move || handle.abort())
    }
}

/// Numbers of [0, 1) that are the same in each run (splitmix64).
fn chance(seed: u64) -> impl Fn() -> f64 + Send + Sync {
    let state = Mutex::new(seed);
    move || {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or_default();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}
