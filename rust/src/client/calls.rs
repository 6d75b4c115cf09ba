//! Calls: actions with one answer, all by one way, so that a new action needs no line here.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::SmoothAgentClient;
use super::hub::Hub;
use super::waits::NewCall;
use crate::errors::{Draft, Error};
use crate::requests::{Expects, Key, Pending};
use crate::turn::verbs::{Ask, Reply};
use crate::turn::{Owner, VerbFuture};
use crate::wire::actions::{Action, Call, CreateConversationSession};
use crate::wire::arguments::argument_fault;
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::mend::last_string;
use crate::wire::types::CreateConversationSessionResult;

/// The wait for the answer to a call. The frame was queued when the call was made; dropping this
/// ends the wait, and takes the frame back if it was not written yet (REQ-CALL-09).
struct Answered {
    hub: Arc<Hub>,
    key: Key,
    answer: Option<oneshot::Receiver<Result<Event, Error>>>,
}

impl Future for Answered {
    type Output = Result<Event, Error>;

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
            self.hub.abandon_call(&self.key);
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
            name: C::NAME,
            id: action.request_id().map(str::to_owned),
            shares_id: false,
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
        let (hub, id) = (Arc::clone(&self.hub), answered.key.id.clone());
        Pending::new(async move {
            let event = answered.await?;
            let about = |error: Error| {
                error.with(|draft| draft.place(&hub.options.place).session_of(&session))
            };
            let output = read::<C>(&event, &id).map_err(about)?;
            let any: &dyn Any = &output;
            if let Some(session) = any.downcast_ref::<CreateConversationSessionResult>() {
                hub.learn(&session.session_id, session.capabilities.as_deref());
            }
            Ok(output)
        })
    }

    /// A verb by its requestId: the live turn's, else a call under that id.
    pub(super) fn verb<A: Action>(&self, action: A, session_id: &str, ask: Ask) -> Pending<Reply> {
        if let Some(error) = fault(&action) {
            return Pending::new(std::future::ready(Err(error)));
        }
        let id = action.request_id().unwrap_or_default().to_owned();
        let (mut live, mut plain) = (None, None);
        match self.hub.live_turn(&id) {
            Some((key, session)) => live = Some(VerbFuture(self.hub.answer(&key, &session, ask))),
            None => {
                let new = NewCall {
                    name: A::NAME,
                    id: Some(id),
                    shares_id: true,
                    expects: Expects::Verb(ask.verb()),
                    session_id: Some(session_id.to_owned()),
                };
                plain = Some(self.start(new, |_| action.to_json()));
            }
        }
        Pending::new(async move {
            match (live, plain) {
                (Some(live), _) => live.await,
                (None, Some(plain)) => plain.await.map(Some),
                (None, None) => Ok(None),
            }
        })
    }

    fn start(&self, new: NewCall, frame: impl FnOnce(&str) -> String) -> Answered {
        let (key, answer) = self.hub.start_call(new, frame);
        Answered {
            hub: Arc::clone(&self.hub),
            key,
            answer: Some(answer),
        }
    }
}

/// What the schema does not allow in an action (REQ-CALL-12).
pub(super) fn fault<A: Action>(action: &A) -> Option<Error> {
    argument_fault(A::NAME, &action.to_json()).map(Error::argument)
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
