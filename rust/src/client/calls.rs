//! Calls: actions with one answer, and what the client learns of an answer.

use std::any::Any;
use std::sync::Arc;

use super::SmoothAgentClient;
use crate::errors::Error;
use crate::requests::Pending;
use crate::wire::actions::{Call, CreateConversationSession};
use crate::wire::types::{CreateConversationSessionResult, GetSessionResult};

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
        let (asked, books) = (self.books.ask(action), Arc::clone(&self.books));
        Pending::new(async move {
            let output = asked.await?;
            let any: &dyn Any = &output;
            if let Some(session) = any.downcast_ref::<CreateConversationSessionResult>() {
                books.learn(&session.session_id, session.capabilities.as_deref());
            } else if let Some(session) = any.downcast_ref::<GetSessionResult>() {
                books.learn(&session.session_id, session.capabilities.as_deref());
            }
            Ok(output)
        })
    }
}
