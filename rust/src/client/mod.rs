//! The front: the protocol's verbs under their own names. Decides nothing itself.

mod builder;
mod calls;
mod desk;
mod hub;
mod incoming;
mod listeners;
mod turns;
mod waits;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::mpsc;

pub use self::builder::ClientBuilder;
use self::calls::fault;
use self::hub::Hub;
use self::listeners::Listener;
pub use self::listeners::{Direction, FrameNote, ListenerId, StateChange};
use crate::clock::within;
use crate::conversation::{Front, ResumeConversation, StartConversation};
use crate::errors::Error;
use crate::options::Options;
use crate::requests::Pending;
use crate::turn::verbs::{Ask, otp_check, submission};
use crate::turn::{OtpCheck, Owner, Submission, Turn, VerbFuture};
use crate::wire::actions::{
    self, Action, Cancel, ConfirmToolAction, CreateConversationSession, GetConversationMessages,
    GetSession, ListConversations, RenameConversation, SendMessage, SubmitInteraction, VerifyOtp,
};
use crate::wire::events::Event;
use crate::wire::machine::ConnectionState;
use crate::wire::types::{
    ConversationPage, CreateConversationSessionResult, GetSessionResult, MessagePage,
    RenameConversationResult,
};

/// A client of one server. Cheap to clone; clones share the link. Safe to use from any task.
///
/// Dropping the last clone, with no turn left, closes the link without waiting for it.
#[derive(Clone)]
pub struct SmoothAgentClient {
    hub: Arc<Hub>,
}

/// The answer to a `ping` (REQ-CALL-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PingResult {
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
            hub: Hub::new(options),
        }
    }

    /// Opens the link with one attempt. Calls at the same time share it; an open link stays.
    ///
    /// # Errors
    /// [`Error::ConnectFailed`] or [`Error::Authentication`]: the client is idle again.
    /// [`Error::ClientClosed`]: `close` was called meanwhile.
    pub async fn connect(&self) -> Result<(), Error> {
        let Some(mut attempt) = self.hub.connect()? else {
            return Ok(());
        };
        match attempt.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(Hub::gone())),
            Err(_) => Err(Hub::gone()),
        }
    }

    /// Closes the link with code 1000 and settles everything in flight. May be called at any time
    /// and any number of times. When it has returned, no callback, timer or task of the client
    /// runs (REQ-CONN-05), unless a listener did not return within the close timeout (REQ-CONN-27).
    pub async fn close(&self) {
        let mut tasks = self.hub.close();
        let (clock, limit) = (&self.hub.options.clock, self.hub.options.limits.close);
        let quiet = async {
            for task in &mut tasks {
                drop(task.ended.wait_for(|ended| *ended).await);
            }
            self.hub.dispatcher.flushed().await;
        };
        if within(&**clock, limit, quiet).await.is_none() {
            tasks.iter().for_each(|task| task.abort.abort());
        }
    }

    /// The state of the link.
    pub fn state(&self) -> ConnectionState {
        self.hub.state()
    }

    // --- listeners

    /// Calls a listener at every move of the link, in order.
    pub fn on_state(&self, listen: impl Fn(StateChange) + Send + Sync + 'static) -> ListenerId {
        self.hub.dispatcher.add(Listener::State(Arc::new(listen)))
    }

    /// Calls a listener with every event that no turn and no call owns.
    pub fn on_event(&self, listen: impl Fn(Event) + Send + Sync + 'static) -> ListenerId {
        self.hub.dispatcher.add(Listener::Event(Arc::new(listen)))
    }

    /// Calls a tap with every frame, both ways, without its text (REQ-LOG-02).
    pub fn on_frame(&self, tap: impl Fn(FrameNote) + Send + Sync + 'static) -> ListenerId {
        self.hub.dispatcher.add(Listener::Frame {
            tap: Arc::new(tap),
            text: false,
        })
    }

    /// As [`on_frame`](Self::on_frame), with the text of every frame.
    pub fn on_frame_text(&self, tap: impl Fn(FrameNote) + Send + Sync + 'static) -> ListenerId {
        self.hub.dispatcher.add(Listener::Frame {
            tap: Arc::new(tap),
            text: true,
        })
    }

    /// Takes a listener off.
    pub fn off(&self, listener: ListenerId) {
        self.hub.dispatcher.remove(listener);
    }

    /// Every move of the link from now on, as a stream.
    pub fn states(&self) -> States {
        let (sender, receiver) = mpsc::unbounded_channel();
        let id = self.on_state(move |change| {
            let _ = sender.send(change);
        });
        States {
            receiver,
            client: self.clone(),
            id,
        }
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
        let ours = ["otp_park", "spec_1_1"].into_iter().map(str::to_owned);
        let mut words: Vec<String> = ours
            .chain(self.hub.options.supports.iter().cloned())
            .chain(own.into_iter().flatten())
            .collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Says something and opens a turn. Its frame is queued at the call (REQ-TURN-01). What the
    /// schema does not allow fails the turn with [`Error::InvalidArgument`] and is not sent
    /// (REQ-CALL-12); a `String` cannot hold half of a surrogate pair (REQ-CALL-11).
    pub fn send_message(&self, mut action: SendMessage) -> Turn {
        let session_id = action.session_id.clone();
        let fault = fault(&action);
        let (key, cell) = self.hub.start_turn(
            fault,
            action.request_id.take(),
            &session_id,
            SendMessage::NAME,
            |id| {
                action.set_request_id(id.to_owned());
                action.to_json()
            },
        );
        Turn::new(
            Arc::clone(&self.hub) as Arc<dyn Owner>,
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
    pub fn ping(&self) -> Pending<Result<PingResult, Error>> {
        let (hub, since, call) = (
            Arc::clone(&self.hub),
            self.hub.now(),
            self.call(actions::Ping::new()),
        );
        Pending::new(async move {
            let pong = call.await?;
            let round_trip = hub.now().saturating_sub(since);
            Ok(PingResult {
                server_time: pong.timestamp(),
                round_trip,
            })
        })
    }

    /// Answers a confirmation of the live turn of that requestId; without one it is a plain call
    /// (REQ-VERB-08).
    pub fn confirm_tool_action(&self, action: ConfirmToolAction) -> Pending<Result<(), Error>> {
        let ask = Ask::Confirm {
            approved: action.approved,
            confirmation_id: action.confirmation_id.clone(),
        };
        let session = action.session_id.clone();
        let reply = self.verb(action, &session, ask);
        Pending::new(async move { reply.await.map(drop) })
    }

    /// Gives or declines a one-time code; see [`confirm_tool_action`](Self::confirm_tool_action).
    pub fn verify_otp(&self, action: VerifyOtp) -> Pending<Result<OtpCheck, Error>> {
        let session = action.session_id.clone();
        let ask = match (&action.code, action.declined) {
            (None, None | Some(false)) => Err(Error::argument("a code is needed, or `declined`")),
            (_, Some(true)) => {
                let offered = self.hub.offers(&session, "otp_park");
                Ask::decline_otp(offered, &action.request_id, &session)
            }
            (Some(code), _) => Ok(Ask::VerifyOtp { code: code.clone() }),
        };
        let reply = ask.map(|ask| self.verb(action, &session, ask));
        Pending::new(async move { reply?.await.map(|event| otp_check(event.as_ref())) })
    }

    /// Gives the values of a form, or declines it; see
    /// [`confirm_tool_action`](Self::confirm_tool_action).
    pub fn submit_interaction(
        &self,
        action: SubmitInteraction,
    ) -> Pending<Result<Submission, Error>> {
        let ask = match (action.declined, &action.values) {
            (Some(true), _) => Ask::Decline,
            (_, values) => Ask::Submit {
                values: values.clone().unwrap_or_default(),
            },
        };
        let session = action.session_id.clone();
        let reply = self.verb(action, &session, ask);
        Pending::new(async move { reply.await.map(|event| submission(event.as_ref())) })
    }

    /// Stops the live turn of that requestId and waits until it has settled; without one it is
    /// done when its frame is written (REQ-VERB-08).
    pub fn cancel(&self, action: Cancel) -> Pending<Result<(), Error>> {
        let id = action.request_id.clone();
        let live = id.as_deref().and_then(|id| self.hub.live_turn(id));
        let stopped = live.map(|(key, _)| VerbFuture(self.hub.stop(&key)));
        let written = match stopped {
            Some(_) => None,
            None => Some(
                self.hub
                    .send_only(Cancel::NAME, id.as_deref(), action.to_json()),
            ),
        };
        Pending::new(async move {
            match (stopped, written) {
                (Some(stopped), _) => stopped.await.map(drop),
                (None, Some(written)) => {
                    let lost = |_| Error::argument("the link closed before the frame was written");
                    written?.await.map_err(lost)
                }
                (None, None) => Ok(()),
            }
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

    fn say(&self, action: SendMessage) -> Turn {
        self.send_message(action)
    }
}

impl fmt::Debug for SmoothAgentClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmoothAgentClient")
            .field("state", &self.state())
            .field("options", &self.hub.options)
            .finish()
    }
}

/// Every move of the link, as a stream; see [`SmoothAgentClient::states`].
#[derive(Debug)]
pub struct States {
    receiver: mpsc::UnboundedReceiver<StateChange>,
    client: SmoothAgentClient,
    id: ListenerId,
}

impl States {
    /// The next move.
    pub async fn next(&mut self) -> Option<StateChange> {
        self.receiver.recv().await
    }
}

impl Stream for States {
    type Item = StateChange;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StateChange>> {
        self.receiver.poll_recv(context)
    }
}

impl Drop for States {
    fn drop(&mut self) {
        self.client.off(self.id);
    }
}
