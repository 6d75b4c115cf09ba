//! Calls: actions with one answer, all by one way, so that a new action needs no line here.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::SmoothAgentClient;
use crate::errors::{Draft, Error};
use crate::requests::{Answer, Expects, Key, NewCall, Pending, half_pair};
use crate::turn::Books;
use crate::wire::actions::{Action, Call, CreateConversationSession};
use crate::wire::arguments::argument_fault;
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::mend::last_string;
use crate::wire::types::{CreateConversationSessionResult, GetSessionResult};

/// The wait for the answer to a call. The frame was queued when the call was made; dropping this
/// ends the wait, and takes the frame back if it was not written yet (REQ-CALL-09).
pub(super) struct Answered {
    books: Arc<Books>,
    key: Key,
    answer: Option<oneshot::Receiver<Result<Answer, Error>>>,
}

impl Future for Answered {
    type Output = Result<Answer, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(answer) = &mut self.answer else {
            return Poll::Pending;
        };
        let got = std::task::ready!(Pin::new(answer).poll(context));
        self.answer = None;
        Poll::Ready(got.unwrap_or_else(|_| Err(Draft::default().end(Leaf::ClientClosed))))
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        if self.answer.is_some() {
            self.books.abandon_call(&self.key);
        }
    }
}

impl SmoothAgentClient {
    /// Any action that has one answer, also one that is new in the specification: its type says
    /// which event answers and what is read in it. The frame is queued at the call, under the id
    /// that the action has, else under a new one (REQ-CALL-01, REQ-CALL-03).
    ///
    /// Actions that many events answer, or one of several, do not compile as calls:
    ///
    /// ```compile_fail,E0277
    /// # fn f(client: smooth_operator::SmoothAgentClient) {
    /// let _ = client.call(smooth_operator::action::SendMessage::new("session", "hello"));
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]: a member is missing or out of its bounds; nothing was sent
    /// (REQ-CALL-12). Any other of [`Error`] but those of turns; after [`Error::RequestTimeout`] a late answer is
    /// dropped (REQ-CALL-02).
    ///
    /// # Cancel safety
    /// Dropping the wait ends it, and takes the frame back if it was not written (REQ-CALL-09).
    pub fn call<C: Call>(&self, mut action: C) -> Pending<Result<C::Output, Error>> {
        let any: &mut dyn Any = &mut action;
        if let Some(create) = any.downcast_mut::<CreateConversationSession>() {
            create.supports = Some(self.supports(create.supports.take()));
        }
        if let Some(error) = fault(&action) {
            return Pending::new(std::future::ready(Err(error)));
        }
        let new = NewCall {
            action: C::NAME,
            id: action.request_id().map(str::to_owned),
            expects: Expects::Reply(C::REPLY),
            session_id: None,
        };
        let mut session = None;
        let answered = self.start(new, |id| {
            action.set_request_id(id.to_owned());
            let text = action.to_json();
            session = last_string(&text, "sessionId");
            text
        });
        let (books, id) = (Arc::clone(&self.books), answered.key.id.clone());
        Pending::new(async move {
            let event = answered.await?.event;
            let about = |error: Error| {
                error.with(|draft| draft.place(&books.options.place).session_of(&session))
            };
            let output = read::<C>(&event, &id).map_err(about)?;
            let any: &dyn Any = &output;
            if let Some(session) = any.downcast_ref::<CreateConversationSessionResult>() {
                books.learn(&session.session_id, session.capabilities.as_deref());
            }
            if any.is::<CreateConversationSessionResult>() || any.is::<GetSessionResult>() {
                books.session_known();
            }
            Ok(output)
        })
    }

    pub(super) fn start(&self, new: NewCall, frame: impl FnOnce(&str) -> String) -> Answered {
        let (key, answer) = self.books.start_call(new, frame);
        Answered {
            books: Arc::clone(&self.books),
            key,
            answer: Some(answer),
        }
    }
}

/// What may not be sent of an action: what the schema does not allow (REQ-CALL-12), or JSON of the
/// caller's with half of a surrogate pair (REQ-CALL-11).
pub(super) fn fault<A: Action>(action: &A) -> Option<Error> {
    let text = action.to_json();
    argument_fault(A::NAME, &text)
        .map(Error::argument)
        .or_else(|| half_pair(&text))
}

fn read<C: Call>(event: &Event, id: &str) -> Result<C::Output, Error> {
    match C::read(event) {
        Some(Ok(output)) => Ok(output),
        Some(Err(problem)) => Err(Draft::default()
            .pointer(&problem.pointer)
            .event(event.clone())
            .request(id)
            .end(Leaf::InvalidFrame)),
        None => Err(Draft::new(event.event_type().as_str())
            .event(event.clone())
            .request(id)
            .end(Leaf::UnexpectedEvent)),
    }
}
