//! The front: the protocol's verbs under their own names. Decides nothing itself.

mod builder;
mod calls;
mod states;
mod verbs;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::ClientBuilder;
pub use self::states::States;
use crate::clock::within;
use crate::connection::{Counters, gone};
use crate::conversation::{Front, ResumeConversation, SendOptions, StartConversation};
use crate::errors::{Error, failure};
use crate::handlers::merged;
use crate::listeners::{FrameInfo, Listener, ListenerId, StateChange};
use crate::options::Options;
use crate::requests::{Pending, Router, fault};
use crate::turn::{Books, Handlers, Owner, Recovery, Subject, Turn, recover};
use crate::wire::actions::{
    self, CreateConversationSession, GetConversationMessages, GetSession, ListConversations,
    RenameConversation,
};
use crate::wire::codes::CAPABILITIES;
use crate::wire::events::Event;
use crate::wire::steps::ConnectionState;
use crate::wire::types::{
    ConversationPage, CreateConversationSessionResult, GetSessionResult, MessagePage,
    RenameConversationResult,
};

/// A client of one server. Cheap to clone; clones share the link. Safe to use from any task.
///
/// Dropping the last clone, with no turn left, closes the link without waiting for it.
#[derive(Clone)]
pub struct SmoothAgentClient {
    books: Arc<Books>,
}

/// The answer to a `ping` (REQ-CALL-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pong {
    /// The server's clock in milliseconds since the epoch, when the server told it.
    pub server_time: Option<i64>,
    /// From the call to the answer, on the client's clock.
    pub round_trip: Duration,
}

impl SmoothAgentClient {
    /// A client with default options; it is idle (REQ-CONN-01).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]: the URL is no `ws:` or `wss:` URL.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(url).build()
    }

    /// A client with options of its own.
    pub fn builder(url: impl AsRef<str>) -> ClientBuilder {
        ClientBuilder::new(url.as_ref())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self {
            books: Router::new(options),
        }
    }

    /// Opens the link with one attempt. Calls at the same time share it; an open link stays. With
    /// `retry_initial_connect` it waits for the link, or for the end of the attempts. While a lost
    /// link is sought it ends the wait before the next attempt and says what comes of that one; the
    /// seeking goes on (REQ-CONN-35).
    ///
    /// # Errors
    /// [`Error::ConnectFailed`] or [`Error::Authentication`]: the client is idle again, unless a link
    /// is sought. [`Error::ReconnectExhausted`]: too many attempts failed (REQ-CONN-36).
    /// [`Error::ClientClosed`]: `close` was called meanwhile.
    pub async fn connect(&self) -> Result<(), Error> {
        let Some(mut attempt) = self.books.connect()? else {
            return Ok(());
        };
        match attempt.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(gone())),
            Err(_) => Err(gone()),
        }
    }

    /// Closes the link with code 1000 and settles everything in flight. May be called at any time
    /// and any number of times. When it has returned, no callback, timer or task of the client
    /// runs (REQ-CONN-05), unless a listener did not return within the close timeout (REQ-CONN-27).
    pub async fn close(&self) {
        let mut tasks = self.books.close();
        let (clock, limit) = (&self.books.options.clock, self.books.options.limits.close);
        let quiet = async {
            for task in &mut tasks {
                drop(task.ended.wait_for(|ended| *ended).await);
            }
            self.books.dispatcher.flushed().await;
        };
        if within(&**clock, limit, quiet).await.is_none() {
            tasks.iter().for_each(|task| task.abort.abort());
        }
    }

    /// Asks an open link whether it lives, with five seconds for the answer, or ends the wait for
    /// another one (REQ-CONN-35, REQ-CONN-39). Call it when the machine woke up, or has a network
    /// again; in `idle` and `closed` it does nothing.
    pub fn wake(&self) {
        self.books.wake();
    }

    /// What the client has counted since it was made (REQ-LOG-03).
    pub fn counters(&self) -> Counters {
        self.books.counters()
    }

    /// The state of the link.
    pub fn state(&self) -> ConnectionState {
        self.books.state()
    }

    // --- listeners

    /// Calls a listener at every move of the link, in order.
    pub fn on_state(&self, listen: impl Fn(StateChange) + Send + Sync + 'static) -> ListenerId {
        self.books.dispatcher.add(Listener::State(Arc::new(listen)))
    }

    /// Calls a listener with every event that no turn and no call owns.
    pub fn on_event(&self, listen: impl Fn(Event) + Send + Sync + 'static) -> ListenerId {
        self.books.dispatcher.add(Listener::Event(Arc::new(listen)))
    }

    /// Calls a tap with every frame, both ways, without its text (REQ-LOG-02).
    pub fn on_frame(&self, tap: impl Fn(FrameInfo) + Send + Sync + 'static) -> ListenerId {
        self.books.dispatcher.add(Listener::Frame {
            tap: Arc::new(tap),
            text: false,
        })
    }

    /// As [`on_frame`](Self::on_frame), with the text of every frame.
    pub fn on_frame_text(&self, tap: impl Fn(FrameInfo) + Send + Sync + 'static) -> ListenerId {
        self.books.dispatcher.add(Listener::Frame {
            tap: Arc::new(tap),
            text: true,
        })
    }

    /// Takes a listener off.
    pub fn off(&self, listener: ListenerId) {
        self.books.dispatcher.remove(listener);
    }

    // --- conversations

    /// Opens a session with an agent; await the builder.
    pub fn start_conversation(&self, agent_id: impl Into<String>) -> StartConversation {
        StartConversation::new(Arc::new(self.clone()), agent_id.into())
    }

    /// Opens a further session on an existing conversation; await the builder (REQ-CALL-08).
    pub fn resume_conversation(
        &self,
        conversation_id: impl Into<String>,
        agent_id: impl Into<String>,
    ) -> StartConversation {
        self.start_conversation(agent_id).on(conversation_id.into())
    }

    /// Goes on with a session that the server knows; await the builder (REQ-CALL-08).
    pub fn resume_session(&self, session_id: impl Into<String>) -> ResumeConversation {
        ResumeConversation::new(Arc::new(self.clone()), session_id.into())
    }

    // --- actions

    /// Opens a session. Adds what the client supports to `supports` (REQ-CALL-07).
    pub fn create_conversation_session(
        &self,
        action: CreateConversationSession,
    ) -> Pending<Result<CreateConversationSessionResult, Error>> {
        self.call(action)
    }

    fn supports(&self, own: Option<Vec<String>>) -> Vec<String> {
        let wired = CAPABILITIES.iter().filter(|it| it.pending.is_none());
        let options = &self.books.options;
        let ours = wired
            .filter(|it| it.implied_by.iter().any(|word| options.implies(word)))
            .map(|it| it.word.to_owned());
        let mut words: Vec<String> = ours
            .chain(options.supports.iter().cloned())
            .chain(own.into_iter().flatten())
            .collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Says something and opens a turn. Its frame is queued at the call (REQ-TURN-01). What the
    /// schema does not allow fails the turn with [`Error::InvalidArgument`] and is not sent
    /// (REQ-CALL-12); a `String` cannot hold half of a surrogate pair (REQ-CALL-11).
    ///
    /// An action, or a [`SendOptions`] made of one, which may have handlers of its own.
    pub fn send_message(&self, message: impl Into<SendOptions>) -> Turn {
        self.send(message.into(), None)
    }

    /// `conversation`: what it and the client answer.
    fn send(&self, message: SendOptions, conversation: Option<&Arc<Handlers>>) -> Turn {
        let SendOptions { action, handlers } = message;
        let far = conversation.unwrap_or(&self.books.options.handlers);
        let handlers = merged(far, handlers.as_ref());
        let (session_id, fault) = (action.session_id.clone(), fault(&action));
        let (key, cell) = self.books.start_turn(fault, action, handlers);
        Turn::new(
            Arc::clone(&self.books) as Arc<dyn Owner>,
            key,
            &session_id,
            cell,
        )
    }

    /// Reads a session.
    pub fn get_session(&self, action: GetSession) -> Pending<Result<GetSessionResult, Error>> {
        self.call(action)
    }

    /// Reads one page of a conversation's messages.
    pub fn get_conversation_messages(
        &self,
        action: GetConversationMessages,
    ) -> Pending<Result<MessagePage, Error>> {
        self.call(action)
    }

    /// Reads one page of the caller's conversations.
    pub fn list_conversations(
        &self,
        action: ListConversations,
    ) -> Pending<Result<ConversationPage, Error>> {
        self.call(action)
    }

    /// Gives a conversation a title.
    pub fn rename_conversation(
        &self,
        action: RenameConversation,
    ) -> Pending<Result<RenameConversationResult, Error>> {
        self.call(action)
    }

    /// Asks for a sign of life.
    pub fn ping(&self) -> Pending<Result<Pong, Error>> {
        let (books, since) = (Arc::clone(&self.books), self.books.now());
        let call = self.call(actions::Ping::new());
        Pending::new(async move {
            let pong = call.await?;
            let round_trip = books.now().saturating_sub(since);
            Ok(Pong {
                server_time: pong.timestamp(),
                round_trip,
            })
        })
    }
}

impl Front for SmoothAgentClient {
    fn create(
        &self,
        action: CreateConversationSession,
    ) -> Pending<Result<CreateConversationSessionResult, Error>> {
        self.create_conversation_session(action)
    }

    fn session(&self, action: GetSession) -> Pending<Result<GetSessionResult, Error>> {
        self.get_session(action)
    }

    fn page(&self, action: GetConversationMessages) -> Pending<Result<MessagePage, Error>> {
        self.get_conversation_messages(action)
    }

    fn say(&self, message: SendOptions, handlers: &Arc<Handlers>) -> Turn {
        self.send(message, Some(handlers))
    }

    fn handlers(&self, own: Option<&Arc<Handlers>>) -> Arc<Handlers> {
        merged(&self.books.options.handlers, own)
    }

    fn recover(
        &self,
        error: &failure::TurnInterrupted,
        last: i64,
    ) -> Pending<Result<Recovery, Error>> {
        let of = Subject {
            cell: None,
            id: error.request_id().to_owned(),
            session_id: error.session_id().to_owned(),
            last,
        };
        recover(Arc::clone(&self.books) as Arc<dyn Owner>, of)
    }

    fn open_turn(
        &self,
        session_id: &str,
        request_id: &str,
        handlers: &Arc<Handlers>,
    ) -> Option<Turn> {
        let handlers = Arc::clone(handlers);
        self.books.open_turn(session_id, request_id, handlers)
    }
}

impl fmt::Debug for SmoothAgentClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmoothAgentClient")
            .field("state", &self.state())
            .field("options", &self.books.options)
            .finish()
    }
}
