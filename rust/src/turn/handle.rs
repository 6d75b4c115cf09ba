//! What a caller holds of a turn.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::oneshot;

use super::cell::{Cell, Settled};
use super::events::{TextStream, TurnEvents};
use super::inquiry::{Fate, Subject};
use super::questions::Question;
use super::recover::{Recovery, recover};
use super::result::TurnResult;
use super::verbs::{Ask, OtpCheck, Reply, SubmitResult, otp_check, submit_result};
use crate::arguments::object_of;
use crate::errors::{Draft, Error};
use crate::handlers::question_of;
use crate::requests::Key;
use crate::requests::Pending;
use crate::wire::actions::GetConversationMessages;
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::steps::{QuestionKind, TurnState, Verb};
use crate::wire::types::MessagePage;

/// The room above: keeps the books of all turns.
pub(crate) trait Owner: Send + Sync + 'static {
    fn answer(&self, turn: &Key, session_id: &str, ask: Ask) -> oneshot::Receiver<Reply>;
    fn stop(&self, turn: &Key) -> oneshot::Receiver<Reply>;
    /// Nobody waits for the turn any more.
    fn abandoned(&self, turn: &Key, cell: &Cell);
    fn detach(&self, turn: &Key);
    fn question(&self, turn: &Key, kind: Option<QuestionKind>) -> Option<Question>;
    /// Whether the server of a session lists a capability.
    fn offers(&self, session_id: &str, capability: &str) -> bool;
    /// What the server does with a turn; none where its session does not replay (REQ-RESUME-12).
    fn fate(&self, of: &Subject) -> Option<Pending<Result<Fate, Error>>>;
    /// Reads a page of a conversation's messages.
    fn page(&self, action: GetConversationMessages) -> Pending<Result<MessagePage, Error>>;
}

/// Keeps a turn alive: when the last of a turn goes, the turn is stopped (REQ-STOP-05).
pub(super) struct Interest {
    owner: Arc<dyn Owner>,
    key: Key,
    pub(super) cell: Arc<Cell>,
}

impl Interest {
    /// The id of the turn.
    pub(super) fn id(&self) -> &str {
        self.cell.id(&self.key.id)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        if self.cell.leave() {
            self.owner.abandoned(&self.key, &self.cell);
        }
    }
}

/// The answer to a verb. Its frame was queued when the verb was called; dropping this only ends
/// the wait (REQ-VERB-07).
pub(crate) struct VerbFuture(pub(crate) oneshot::Receiver<Reply>);

impl Future for VerbFuture {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|got| got.unwrap_or_else(|_| Err(Draft::default().end(Leaf::ClientClosed))))
    }
}

/// A turn without a claim on it: answers, stops and reads it, and does not keep it alive.
///
/// Get one from [`Turn::handle`] to answer a turn from one task while another iterates it.
#[derive(Clone)]
pub struct TurnHandle {
    owner: Arc<dyn Owner>,
    key: Key,
    session_id: Arc<str>,
    cell: Arc<Cell>,
}

impl TurnHandle {
    pub(crate) fn new(owner: Arc<dyn Owner>, key: Key, session_id: &str, cell: Arc<Cell>) -> Self {
        Self {
            owner,
            key,
            session_id: session_id.into(),
            cell,
        }
    }

    /// The turn's id, which every event of the turn carries. It is another one from when the message
    /// is sent again after a code (REQ-ASK-11).
    pub fn request_id(&self) -> &str {
        self.cell.id(&self.key.id)
    }

    /// The turn's session.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Whether an event asks, or shows more of, what a handler of this turn answers (REQ-ASK-09).
    pub fn handled(&self, event: &Event) -> bool {
        question_of(event).is_some_and(|kind| self.cell.handlers.answers(kind, event))
    }

    /// Where the turn stands.
    pub fn state(&self) -> TurnState {
        self.cell.state()
    }

    /// The text that was streamed so far; it stays readable (REQ-TURN-15).
    pub fn partial_text(&self) -> String {
        self.cell.partial_text()
    }

    /// The question of a kind that is open now; without a kind the first one that is.
    pub fn question(&self, kind: impl Into<Option<QuestionKind>>) -> Option<Question> {
        self.owner.question(&self.key, kind.into())
    }

    /// Waits for the result. The wait keeps the turn alive like an iterator does; dropping it is
    /// native cancellation (REQ-STOP-04).
    ///
    /// # Errors
    /// The turn failed; what had been streamed is in [`Error::partial_text`].
    pub fn result(&self) -> Pending<Result<TurnResult, Error>> {
        let (cell, interest) = (Arc::clone(&self.cell), self.interest());
        Pending::new(async move {
            let done = poll_fn(|context| cell.poll_result(context)).await;
            drop(interest);
            done
        })
    }

    /// A further iterator from the first event on, whenever it starts (REQ-TURN-02).
    pub fn events(&self) -> TurnEvents {
        TurnEvents::new(self.interest(), Arc::clone(&self.session_id))
    }

    /// The streamed text, token by token; the final text once if nothing was streamed
    /// (REQ-TURN-10).
    pub fn text_stream(&self) -> TextStream {
        TextStream::new(self.events())
    }

    /// Answers the open confirmation. The frame is queued at the call; the future ends when the
    /// server took it.
    ///
    /// # Errors
    /// [`Error::NoPendingQuestion`] or [`Error::AlreadyAnswered`]: nothing was sent (REQ-VERB-05).
    pub fn confirm(&self, approved: bool) -> Pending<Result<(), Error>> {
        let reply = self.ask(Ask::confirm(approved, None));
        Pending::new(async move { reply.await.map(drop) })
    }

    /// Gives the one-time code, as typed. A wrong code is no error.
    ///
    /// # Errors
    /// [`Error::NoPendingQuestion`] or [`Error::AlreadyAnswered`]: nothing was sent.
    pub fn verify_otp(&self, code: impl Into<String>) -> Pending<Result<OtpCheck, Error>> {
        let reply = self.ask(Ask::verify_otp(&code.into()));
        Pending::new(async move { reply.await.map(|event| otp_check(event.as_ref())) })
    }

    /// Gives the values of the open form: anything that serializes to a JSON object.
    ///
    /// # Errors
    /// [`Error::NoPendingQuestion`] or [`Error::AlreadyAnswered`]: nothing was sent;
    /// [`Error::InvalidArgument`]: the values are no object.
    pub fn submit<T: serde::Serialize + ?Sized>(
        &self,
        values: &T,
    ) -> Pending<Result<SubmitResult, Error>> {
        let reply = object_of(values).map(|values| self.ask(Ask::submit(&values)));
        Pending::new(async move { reply?.await.map(|event| submit_result(event.as_ref())) })
    }

    /// Declines the open form or, where the server lists `otp_park`, the one-time code
    /// (REQ-OTP-05). The submission of a code that was declined is an accepted one.
    ///
    /// # Errors
    /// [`Error::NoPendingQuestion`], [`Error::AlreadyAnswered`] or [`Error::Unsupported`]: nothing
    /// was sent. [`Error::InvalidArgument`]: a confirmation is denied with `confirm(false)`.
    pub fn decline(&self, kind: QuestionKind) -> Pending<Result<SubmitResult, Error>> {
        let declining = |verb: &Verb| verb.row().declines;
        let ask = match kind.row().verbs.iter().copied().find(declining) {
            Some(verb) => {
                let offers = |word: &str| self.owner.offers(&self.session_id, word);
                Ask::decline(verb, offers, |error| self.about(error))
            }
            None => Err(Error::argument(
                "a confirmation is denied with confirm(false)",
            )),
        };
        let reply = ask.map(|ask| self.ask(ask));
        Pending::new(async move { reply?.await.map(|event| submit_result(event.as_ref())) })
    }

    /// Stops the turn with one `cancel`, queued at the call; the future ends when the turn has
    /// settled (REQ-STOP-01). After that it does nothing.
    pub fn cancel(&self) -> Pending<()> {
        let reply = VerbFuture(self.owner.stop(&self.key));
        Pending::new(async move {
            let _ = reply.await;
        })
    }

    /// Asks the session's history what became of the message, after a link was lost in mid-turn:
    /// at most ten pages are read, and no message is sent again (REQ-TURN-30). The frame of the first
    /// page is queued when the future is polled.
    ///
    /// Where the server replays it is asked first, by a frame that is queued at the call: a turn that
    /// runs there, or here, is waited for, without being seen or stopped, for as long as
    /// `resume_timeout` (REQ-RESUME-12). Dropping the future ends that wait, and nothing more is
    /// asked.
    ///
    /// # Errors
    /// Those of the asking and of the reading: [`Error`] of any call.
    pub fn recover(&self) -> Pending<Result<Recovery, Error>> {
        let of = Subject {
            cell: Some(Arc::clone(&self.cell)),
            id: self.key.id.clone(),
            session_id: self.session_id.to_string(),
            last: 0,
        };
        recover(Arc::clone(&self.owner), of)
    }

    /// Lets the turn run on when nobody waits for it any more.
    pub fn detach(&self) {
        self.owner.detach(&self.key);
    }

    /// What every error of the turn says.
    fn about(&self, error: Error) -> Error {
        error.with(|it| {
            let it = it.request(self.request_id()).session(&self.session_id);
            it.place(&self.cell.place)
        })
    }

    pub(crate) fn ask(&self, ask: Ask) -> VerbFuture {
        let key = Key {
            id: self.request_id().to_owned(),
            serial: self.key.serial,
        };
        VerbFuture(self.owner.answer(&key, &self.session_id, ask))
    }

    fn interest(&self) -> Interest {
        self.cell.enter();
        Interest {
            owner: Arc::clone(&self.owner),
            key: self.key.clone(),
            cell: Arc::clone(&self.cell),
        }
    }
}

impl fmt::Debug for TurnHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("request_id", &self.request_id())
            .field("state", &self.state())
            .finish()
    }
}

/// A turn: a stream of its events, and by [`Deref`] everything that a [`TurnHandle`] can do.
///
/// Dropping it stops the turn, unless its result is awaited elsewhere, another iterator is open
/// or [`detach`](TurnHandle::detach) was called. Leaving a `while let` stops nothing.
#[must_use = "dropping a turn stops it; call `detach` to let it run"]
pub struct Turn {
    handle: TurnHandle,
    events: TurnEvents,
}

impl Turn {
    pub(crate) fn new(owner: Arc<dyn Owner>, key: Key, session_id: &str, cell: Arc<Cell>) -> Self {
        let handle = TurnHandle::new(owner, key, session_id, cell);
        let events = handle.events();
        Self { handle, events }
    }

    /// The next event of the turn; none after the last one. For a failed turn the error comes
    /// after the events that came before it (REQ-TURN-03).
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        self.events.next().await
    }

    /// A handle that does not keep the turn alive.
    pub fn handle(&self) -> TurnHandle {
        self.handle.clone()
    }

    /// The turn itself, or the argument error that kept it from starting: then nothing was sent.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub fn started(self) -> Result<Self, Error> {
        match self.handle.cell.settled() {
            Some(Settled::Failed(Error::InvalidArgument(_))) => Err(self
                .handle
                .cell
                .unseen_error()
                .unwrap_or_else(|| Error::argument("refused"))),
            _ => Ok(self),
        }
    }
}

impl Deref for Turn {
    type Target = TurnHandle;

    fn deref(&self) -> &TurnHandle {
        &self.handle
    }
}

impl Stream for Turn {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.events).poll_next(context)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}
