//! Actions with one answer, all by one way, so that a new action needs no line here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::calls::{Answer, Expects};
use super::router::{InFlight, NewCall, Router};
use super::{Key, Pending};
use crate::arguments::half_pair;
use crate::errors::{Draft, Error};
use crate::wire::actions::{Action, Call};
use crate::wire::arguments::argument_fault;
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::mend::last_string;

/// The wait for the answer to a call. The frame was queued when the call was made; dropping this
/// ends the wait, and takes the frame back if it was not written yet (REQ-CALL-09).
pub(crate) struct Answered<T: InFlight> {
    router: Arc<Router<T>>,
    pub(crate) key: Key,
    answer: Option<oneshot::Receiver<Result<Answer, Error>>>,
}

impl<T: InFlight> Future for Answered<T> {
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

impl<T: InFlight> Drop for Answered<T> {
    fn drop(&mut self) {
        if self.answer.is_some() {
            self.router.abandon_call(&self.key);
        }
    }
}

impl<T: InFlight> Router<T> {
    /// Starts a call; its frame is queued when this returns.
    pub(crate) fn start(
        self: &Arc<Self>,
        new: NewCall,
        frame: impl FnOnce(&str) -> String,
    ) -> Answered<T> {
        let (key, answer) = self.start_call(new, frame);
        Answered {
            router: Arc::clone(self),
            key,
            answer: Some(answer),
        }
    }

    /// Sends an action that one event answers, under the id that it has, else under a new one.
    pub(crate) fn ask<C: Call>(
        self: &Arc<Self>,
        mut action: C,
    ) -> Pending<Result<C::Output, Error>> {
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
        let (place, id) = (Arc::clone(&self.options.place), answered.key.id.clone());
        Pending::new(async move {
            let event = answered.await?.event;
            let about = |error: Error| error.with(|draft| draft.place(&place).session_of(&session));
            read::<C>(&event, &id).map_err(about)
        })
    }
}

/// What may not be sent of an action: what the schema does not allow (REQ-CALL-12), or JSON of the
/// caller's with half of a surrogate pair (REQ-CALL-11).
pub(crate) fn fault<A: Action>(action: &A) -> Option<Error> {
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
