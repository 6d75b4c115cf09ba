//! A conversation: one session, its turns and its history.

mod history;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

pub use self::history::Messages;
use crate::errors::{Error, failure};
use crate::requests::Pending;
use crate::turn::{Handlers, Recovery, Turn, TurnResult};
use crate::wire::actions::{
    CreateConversationSession, GetConversationMessages, GetSession, SendMessage,
};
use crate::wire::json::JsonObject;
use crate::wire::types::{
    AuthContext, CreateConversationSessionResult, FileAttachment, GetSessionResult,
    ImageAttachment, MessagePage, OpenTurn,
};

type Opening = Pin<Box<dyn Future<Output = Result<Conversation, Error>> + Send>>;

/// The room above: what a conversation asks of its client.
pub(crate) trait Front: Send + Sync + 'static {
    fn create(
        &self,
        action: CreateConversationSession,
    ) -> Pending<Result<CreateConversationSessionResult, Error>>;
    fn session(&self, action: GetSession) -> Pending<Result<GetSessionResult, Error>>;
    fn page(&self, action: GetConversationMessages) -> Pending<Result<MessagePage, Error>>;
    /// Sends a message; `handlers` are the conversation's and the client's.
    fn say(&self, message: SendOptions, handlers: &Arc<Handlers>) -> Turn;
    /// What a conversation with handlers of its own answers.
    fn handlers(&self, own: Option<&Arc<Handlers>>) -> Arc<Handlers>;
    /// Asks what became of the message of an interrupted turn, by its error.
    fn recover(
        &self,
        error: &failure::TurnInterrupted,
        last: i64,
    ) -> Pending<Result<Recovery, Error>>;
    fn open_turn(
        &self,
        session_id: &str,
        request_id: &str,
        handlers: &Arc<Handlers>,
    ) -> Option<Turn>;
}

/// One session of a conversation with an agent. Cheap to clone.
#[derive(Clone)]
pub struct Conversation {
    client: Arc<dyn Front>,
    session: Session,
    handlers: Arc<Handlers>,
}

#[derive(Clone)]
struct Session {
    id: String,
    conversation_id: String,
    agent_name: Option<String>,
    capabilities: Vec<String>,
    open_turn: Option<OpenTurn>,
}

/// A message in the making: a text, and the optional fields of the action.
#[derive(Debug, Clone)]
#[must_use]
pub struct SendOptions {
    pub(crate) action: SendMessage,
    pub(crate) handlers: Option<Arc<Handlers>>,
}

impl SendOptions {
    /// A message with that text.
    pub fn new(text: impl Into<String>) -> Self {
        SendMessage::new("", text).into()
    }

    /// Whether tokens are wanted as they come.
    pub fn stream(mut self, stream: bool) -> Self {
        self.action = self.action.stream(stream);
        self
    }

    /// Model for this turn alone.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.action = self.action.model(model);
        self
    }

    /// Skill whose instructions are used for this turn.
    pub fn skill(mut self, skill: impl Into<String>) -> Self {
        self.action = self.action.skill(skill);
        self
    }

    /// Pictures that the agent looks at.
    pub fn images(mut self, images: impl IntoIterator<Item = ImageAttachment>) -> Self {
        self.action = self.action.images(images);
        self
    }

    /// Files made known to the agent's host.
    pub fn files(mut self, files: impl IntoIterator<Item = FileAttachment>) -> Self {
        self.action = self.action.files(files);
        self
    }

    /// An id of the caller's own.
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.action = self.action.request_id(id);
        self
    }
}

impl SendOptions {
    /// What answers the questions of this turn, before that of the conversation and the client
    /// (REQ-ASK-01).
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = Some(Arc::new(handlers));
        self
    }
}

impl From<SendMessage> for SendOptions {
    fn from(action: SendMessage) -> Self {
        Self {
            action,
            handlers: None,
        }
    }
}

impl From<&str> for SendOptions {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for SendOptions {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Conversation {
    /// The session.
    pub fn session_id(&self) -> &str {
        &self.session.id
    }

    /// The conversation; it survives the session.
    pub fn conversation_id(&self) -> &str {
        &self.session.conversation_id
    }

    /// The agent's display name, when the server told it.
    pub fn agent_name(&self) -> Option<&str> {
        self.session.agent_name.as_deref()
    }

    /// Capability words of the server.
    pub fn capabilities(&self) -> &[String] {
        &self.session.capabilities
    }

    /// Says something: a text, or a [`SendOptions`] with more. The frame is queued at the call.
    pub fn send(&self, message: impl Into<SendOptions>) -> Turn {
        let mut message = message.into();
        message.action.session_id.clone_from(&self.session.id);
        self.client.say(message, &self.handlers)
    }

    /// Says something and waits for the whole answer. Dropping the future stops the turn.
    ///
    /// # Errors
    /// The turn failed.
    pub fn ask(&self, message: impl Into<SendOptions>) -> Pending<Result<TurnResult, Error>> {
        let turn = self.send(message);
        Pending::new(async move { turn.result().await })
    }

    /// The turn that the conversation ran when it was started or resumed, from its first event on:
    /// after a restart of the program, or on a second device. None when it ran none, or when its
    /// turns do not outlive their link. A turn that this client has already is given again.
    /// Dropping the last of a turn stops it, as with [`send`](Self::send) (REQ-RESUME-11).
    pub fn open_turn(&self) -> Option<Turn> {
        let running = self.session.open_turn.as_ref()?;
        let handlers = &self.handlers;
        self.client
            .open_turn(&self.session.id, &running.request_id, handlers)
    }

    /// Asks what became of the message of an interrupted turn, as
    /// [`TurnHandle::recover`](crate::TurnHandle::recover) does, for whoever holds the error alone
    /// (REQ-TURN-30, REQ-RESUME-12).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]: the error is none of [`Error::TurnInterrupted`]. Else those of the
    /// reading.
    pub fn recover(&self, error: &Error) -> Pending<Result<Recovery, Error>> {
        let Error::TurnInterrupted(interrupted) = error else {
            let refused = Error::argument("only an interrupted turn can be recovered");
            return Pending::new(std::future::ready(Err(refused)));
        };
        self.client.recover(interrupted, error.last_seq())
    }

    /// The stored messages, newest first, fetched page by page as they are needed (REQ-HIST-01).
    pub fn messages(&self) -> Messages {
        Messages::new(Arc::clone(&self.client), self.session.id.clone())
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("session_id", &self.session.id)
            .field("conversation_id", &self.session.conversation_id)
            .finish_non_exhaustive()
    }
}

/// Opens a session when it is awaited.
#[must_use = "await it to open the session"]
pub struct StartConversation {
    client: Arc<dyn Front>,
    action: CreateConversationSession,
    handlers: Option<Arc<Handlers>>,
}

impl StartConversation {
    pub(crate) fn new(client: Arc<dyn Front>, agent_id: String) -> Self {
        Self {
            client,
            action: CreateConversationSession::new(agent_id),
            handlers: None,
        }
    }

    pub(crate) fn on(mut self, conversation_id: String) -> Self {
        self.action.conversation_id = Some(conversation_id);
        self
    }

    /// Name that the agent sees for the person.
    pub fn user_name(mut self, name: impl Into<String>) -> Self {
        self.action.user_name = Some(name.into());
        self
    }

    /// E-mail address of the person.
    pub fn user_email(mut self, address: impl Into<String>) -> Self {
        self.action.user_email = Some(address.into());
        self
    }

    /// Opaque fingerprint of the browser.
    pub fn browser_fingerprint(mut self, fingerprint: impl Into<String>) -> Self {
        self.action.browser_fingerprint = Some(fingerprint.into());
        self
    }

    /// Capability words beside those of the client.
    pub fn supports(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.action.supports = Some(words.into_iter().map(Into::into).collect());
        self
    }

    /// What answers the questions of this conversation, before that of the client (REQ-ASK-01).
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = Some(Arc::new(handlers));
        self
    }

    /// Free-form data stored with the session.
    pub fn metadata(mut self, metadata: impl Into<JsonObject>) -> Self {
        self.action.metadata = Some(metadata.into());
        self
    }

    /// Proof that the embedding site knows the person.
    pub fn auth_context(mut self, proof: AuthContext) -> Self {
        self.action.auth_context = Some(proof);
        self
    }
}

impl fmt::Debug for StartConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartConversation")
            .field("agent_id", &self.action.agent_id)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for StartConversation {
    type Output = Result<Conversation, Error>;
    type IntoFuture = Opening;

    fn into_future(mut self) -> Opening {
        let handlers = self.client.handlers(self.handlers.as_ref());
        if let Some(own) = &self.handlers {
            let told = self.action.supports.take().unwrap_or_default();
            self.action.supports = Some(told.into_iter().chain(own.words()).collect());
        }
        let created = self.client.create(self.action);
        Box::pin(async move {
            let made = created.await?;
            let session = Session {
                id: made.session_id,
                conversation_id: made.conversation_id,
                agent_name: Some(made.agent_name),
                capabilities: made.capabilities.unwrap_or_default(),
                open_turn: made.open_turn,
            };
            Ok(Conversation {
                client: self.client,
                session,
                handlers,
            })
        })
    }
}

/// Goes on with a known session when it is awaited.
#[must_use = "await it to ask for the session"]
pub struct ResumeConversation {
    client: Arc<dyn Front>,
    session_id: String,
    handlers: Option<Arc<Handlers>>,
}

impl ResumeConversation {
    pub(crate) fn new(client: Arc<dyn Front>, session_id: String) -> Self {
        Self {
            client,
            session_id,
            handlers: None,
        }
    }

    /// What answers the questions of this conversation, before that of the client (REQ-ASK-01).
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = Some(Arc::new(handlers));
        self
    }
}

impl fmt::Debug for ResumeConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumeConversation")
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for ResumeConversation {
    type Output = Result<Conversation, Error>;
    type IntoFuture = Opening;

    fn into_future(self) -> Opening {
        let handlers = self.client.handlers(self.handlers.as_ref());
        let asked = self.client.session(GetSession::new(self.session_id));
        Box::pin(async move {
            let found = asked.await?;
            let session = Session {
                id: found.session_id,
                conversation_id: found.conversation_id,
                agent_name: found.agent_name,
                capabilities: found.capabilities.unwrap_or_default(),
                open_turn: found.open_turn,
            };
            Ok(Conversation {
                client: self.client,
                session,
                handlers,
            })
        })
    }
}
