//! How a turn ends: its outcome, its verbs, and what stops with it.

use std::time::Duration;

use super::cell::Settled;
use super::driver::{About, Driver};
use super::result::TurnResult;
use super::verbs::Outstanding;
use crate::errors::{Draft, Error};
use crate::requests::{Cause, Sender};
use crate::wire::errors::Leaf;
use crate::wire::steps::{Ending, Outcome, Signal};

impl Driver {
    pub(super) fn settle(
        &mut self,
        outcome: Outcome,
        ending: Option<Ending>,
        about: &About<'_>,
        sender: &mut Sender<'_>,
    ) {
        if let Some(handling) = &mut self.handling {
            handling.settling();
        }
        if outcome == Outcome::Failed {
            let error = self.failure(ending, about, sender);
            return self.end(Settled::Failed(error), sender);
        }
        let result = self.success(outcome, ending, about, sender.now());
        match outcome == Outcome::Completed && self.awaits_code() {
            true => self.hold(result, sender),
            false => self.end(Settled::Done(Box::new(result)), sender),
        }
    }

    fn success(
        &self,
        outcome: Outcome,
        ending: Option<Ending>,
        about: &About<'_>,
        now: Duration,
    ) -> TurnResult {
        let terminal = about.cause.arrived.map(|arrived| arrived.event);
        let text = match (outcome, terminal) {
            (Outcome::Completed, Some(event)) => self.cell.text_of(event),
            _ => self.cell.partial_text(),
        };
        let mut result = TurnResult::new(&self.key.id, &self.session_id, outcome.into(), text);
        result.duration = now.saturating_sub(self.since);
        result.time_to_first_token = self.first_token;
        if outcome == Outcome::Cancelled {
            result.confirmed = Some(ending != Some(Ending::Unconfirmed));
        }
        match terminal {
            Some(event) => result.told_by(event),
            None => result,
        }
    }

    fn failure(&self, ending: Option<Ending>, about: &About<'_>, sender: &Sender<'_>) -> Error {
        let ending = ending.unwrap_or(Ending::Protocol);
        let error = match (ending, about.cause.arrived, about.signal) {
            (Ending::TurnInterrupted, Some(told), _) => {
                let code = told.facts().code.filter(|_| told.broken.is_none());
                let state = self.resuming.state_of(told);
                let draft = Draft::default().said(state, code);
                draft.end(Leaf::TurnInterrupted)
            }
            (Ending::TurnInterrupted, None, Signal::ResumeTimeout) => {
                lost(sender).end(Leaf::TurnInterrupted)
            }
            (Ending::TurnInterrupted, None, Signal::ConnectFailed) => {
                let end = sender.loss();
                let cause = Cause {
                    end,
                    ..Cause::default()
                };
                cause.error(ending)
            }
            _ => about.cause.error(ending),
        };
        let sent = self.may_have_left();
        let text = self.cell.partial_text();
        let told = |draft: Draft| draft.partial(&text).last_seq(self.resuming.last());
        self.about(error.with(told)).with_turn(about.asked, sent)
    }

    /// Settles the turn: its clocks stop, its verbs end (REQ-VERB-06).
    pub(super) fn end(&mut self, settled: Settled, sender: &mut Sender<'_>) {
        self.rest(sender);
        self.conclude(settled, sender);
    }

    /// The server is done with the turn: what waits for it stops.
    pub(super) fn rest(&mut self, sender: &mut Sender<'_>) {
        (self.idle, self.cancel) = (None, None);
        (self.resume, self.again_due) = (None, None);
        if sender.is_linked() || sender.is_sought() {
            self.put_cancel(sender); // the next link has it
        }
        self.resuming.cancel = None;
        self.silent_since = None;
        if let Some(frame) = &self.frame {
            frame.withdraw();
        }
    }

    /// Gives the turn its outcome.
    pub(super) fn conclude(&mut self, settled: Settled, sender: &mut Sender<'_>) {
        self.total = None;
        for asked in &mut self.asked {
            asked.timer = None;
        }
        let error = match &settled {
            Settled::Failed(error) => Some(error.clone()),
            Settled::Done(_) => None,
        };
        sender.seen(|| settled.seen(&self.key.id));
        self.leave_line();
        self.cell.ends_at(self.resuming.last());
        self.cell.settle(settled);
        self.end_verbs(error);
        if self.detached
            && let Some(error) = self.cell.unseen_error()
        {
            let text = format!("a turn failed that nobody awaits: {error}");
            sender.warn(text, Some(&self.key.id));
        }
    }

    /// Ends the verbs that no answer comes for, with the error of the turn where it has one.
    pub(super) fn end_verbs(&mut self, error: Option<Error>) {
        let paused = self.paused; // then no answer can come (REQ-RESUME-08)
        let outlives = |one: &Outstanding| one.verb.row().outlives_turn && !paused;
        let verbs = std::mem::take(&mut self.verbs).into_iter();
        let (waiting, over) = verbs.partition(outlives);
        self.verbs = waiting;
        let none = || self.about(Draft::default().end(Leaf::NoPendingQuestion));
        let error = error.unwrap_or_else(none);
        for verb in over {
            let stopped = verb.verb.row().question.is_none();
            verb.finish(match stopped {
                true => Ok(None),
                false => Err(error.clone()),
            });
        }
    }
}

/// What is known of the loss of the link.
pub(super) fn lost(sender: &Sender<'_>) -> Draft {
    let end = sender.loss();
    Draft::default()
        .close_code(end.and_then(|end| end.code))
        .close_reason(end.map(|end| end.reason.as_str()))
}
