//! Verbs by their requestId: those of the live turn where this client follows it, else calls of
//! their own (REQ-VERB-08), which may become a turn (REQ-VERB-15).

use std::sync::Arc;

use super::SmoothAgentClient;
use crate::errors::Error;
use crate::requests::{Answer, Expects, NewCall, Pending, fault};
use crate::turn::verbs::{Ask, Reply, otp_check, submit_result};
use crate::turn::{OtpCheck, SubmitResult, TurnHandle};
use crate::wire::actions::{Action, Cancel, ConfirmToolAction, SubmitInteraction, VerifyOtp};
use crate::wire::json::JsonObject;
use crate::wire::steps::Verb;

/// What a verb came to: its answer, and the turn that began with it.
type Answered = (Reply, Option<TurnHandle>);

impl SmoothAgentClient {
    /// A turn that this client follows and that has not settled. It does not keep the turn alive.
    pub fn turn(&self, request_id: &str) -> Option<TurnHandle> {
        self.books.live_turn(request_id)
    }

    /// Answers a confirmation of the live turn of that requestId; without one it is a plain call
    /// (REQ-VERB-08).
    ///
    /// The value is the turn that began with a plain call, where the server went on with one whose
    /// question it had kept (REQ-VERB-15).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::NoPendingQuestion`] or [`Error::AlreadyAnswered`]:
    /// nothing was sent.
    pub fn confirm_tool_action(
        &self,
        action: ConfirmToolAction,
    ) -> Pending<Result<Option<TurnHandle>, Error>> {
        let ask = Ask::confirm(action.approved, action.confirmation_id.as_deref());
        let session = action.session_id.clone();
        let answered = self.verb(action, &session, ask);
        Pending::new(async move {
            let (reply, turn) = answered.await;
            reply.map(|_| turn)
        })
    }

    /// Gives or declines a one-time code; see [`confirm_tool_action`](Self::confirm_tool_action).
    ///
    /// # Errors
    /// [`Error::Unsupported`] beside those: the server does not take back a code that it asked for.
    pub fn verify_otp(&self, action: VerifyOtp) -> Pending<Result<OtpCheck, Error>> {
        let session = action.session_id.clone();
        let ask = match (fault(&action), &action.code, action.declined) {
            (Some(fault), ..) => Err(fault),
            (_, None, None | Some(false)) => {
                Err(Error::argument("a code is needed, or `declined`"))
            }
            (_, _, Some(true)) => {
                let offers = |word: &str| self.books.offers(&session, word);
                let place = &self.books.options.place;
                Ask::decline(Verb::DeclineOtp, offers, |error| {
                    error.with(|it| {
                        it.request(&action.request_id)
                            .session(&session)
                            .place(place)
                    })
                })
            }
            (_, Some(code), _) => Ok(Ask::verify_otp(code)),
        };
        let answered = ask.map(|ask| self.verb(action, &session, ask));
        Pending::new(async move {
            let (reply, _) = answered?.await;
            reply.map(|event| otp_check(event.as_ref()))
        })
    }

    /// Gives the values of a form, or declines it; see
    /// [`confirm_tool_action`](Self::confirm_tool_action). The turn that began with it is in the
    /// result.
    ///
    /// # Errors
    /// Those of [`confirm_tool_action`](Self::confirm_tool_action).
    pub fn submit_interaction(
        &self,
        action: SubmitInteraction,
    ) -> Pending<Result<SubmitResult, Error>> {
        let session = action.session_id.clone();
        let ask = match (action.declined, &action.values) {
            (Some(true), _) => Ask::decline(Verb::Decline, |_| true, |error| error),
            (_, Some(values)) => Ok(Ask::submit(values)),
            (_, None) => Ok(Ask::submit(&JsonObject::default())),
        };
        let answered = ask.map(|ask| self.verb(action, &session, ask));
        Pending::new(async move {
            let (reply, turn) = answered?.await;
            reply.map(|event| SubmitResult {
                turn,
                ..submit_result(event.as_ref())
            })
        })
    }

    /// Stops the live turn of that requestId and waits until it has settled; without one it is
    /// done when its frame is queued (REQ-VERB-08).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::NotConnected`] or [`Error::QueueFull`]: nothing was sent.
    pub fn cancel(&self, action: Cancel) -> Pending<Result<(), Error>> {
        if let Some(fault) = fault(&action) {
            return Pending::new(std::future::ready(Err(fault)));
        }
        let id = action.request_id.clone();
        if let Some(turn) = id.as_deref().and_then(|id| self.books.live_turn(id)) {
            let stopped = turn.cancel();
            return Pending::new(async move {
                stopped.await;
                Ok(())
            });
        }
        let text = action.to_json();
        let queued = self.books.send_only(Cancel::NAME, id.as_deref(), text);
        Pending::new(std::future::ready(queued))
    }

    /// A verb by its requestId: the live turn's, else a call under that id.
    fn verb<A: Action>(&self, action: A, session_id: &str, ask: Ask) -> Pending<Answered> {
        if let Some(error) = fault(&action) {
            return Pending::new(std::future::ready((Err(error), None)));
        }
        let id = action.request_id().unwrap_or_default().to_owned();
        if let Some(turn) = self.books.live_turn(&id) {
            let reply = turn.ask(ask);
            return Pending::new(async move { (reply.await, None) });
        }
        let opens = ask
            .verb
            .row()
            .question
            .is_some_and(|it| !it.row().outlives_turn);
        let verb = ask.verb;
        let new = NewCall {
            action: A::NAME,
            id: Some(id.clone()),
            expects: Expects::Verb { verb, opens },
            session_id: Some(session_id.to_owned()),
        };
        let call = self.books.start(new, |_| action.to_json());
        let books = Arc::clone(&self.books);
        Pending::new(async move {
            match call.await {
                Ok(Answer { event, opened }) => {
                    let turn = if opened { books.live_turn(&id) } else { None };
                    (Ok(Some(event)), turn)
                }
                Err(error) => (Err(error), None),
            }
        })
    }
}
