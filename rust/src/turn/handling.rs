//! The handlers of one turn: who is called when, and what becomes of what they give (REQ-ASK).

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::cell::Settled;
use super::driver::Driver;
use super::verbs::{Ask, Waiter};
use crate::clock::Timer;
use crate::errors::{Draft, Error};
use crate::handlers::{Asking, ConfirmAsk, Failed, Given, InteractionAsk, OtpAsk};
use crate::requests::{Cause, InFlight as _, Sender, Tick};
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::options::{QUESTION_UNSEEN, REFUSED_ANSWERS};
use crate::wire::steps::{QUESTIONS, QuestionKind, QuestionState, Signal, TurnState, Verb};

/// What is known of the handlers of a turn that was asked something. The driver tells what happens
/// to questions while it carries out a step, and calls [`Driver::run`] when the step is over.
#[derive(Default)]
pub(super) struct Handling {
    /// The turn is stopped: no handler counts any more (REQ-ASK-06).
    stopped: bool,
    active: Option<Run>,
    calls: u64,
    queue: VecDeque<Due>,
    /// Answers of handlers that an error refused.
    refused: VecDeque<(QuestionKind, Error)>,
    /// How many answers to a question were wrong (REQ-ASK-14).
    wrong: [usize; QUESTIONS],
    /// Codes that nothing said yet to be sent.
    untold: [bool; QUESTIONS],
    /// Questions whose time of REQ-ASK-10 has not begun.
    unwatched: Vec<QuestionKind>,
    unseen: [Option<Timer>; QUESTIONS],
}

/// One call that counts as long as it is the active one.
struct Run {
    number: u64,
    kind: QuestionKind,
    task: AbortHandle,
    _limit: Option<Timer>,
}

/// A call to come, and what was wrong with the answer before.
struct Due {
    kind: QuestionKind,
    wrong: Option<Event>,
}

impl Handling {
    /// Takes note that a question was answered or closed.
    pub(super) fn ended(&mut self, kind: QuestionKind) {
        self.seen(kind);
        self.queue.retain(|due| due.kind != kind);
        if self.active.as_ref().is_some_and(|run| run.kind == kind) {
            self.signal();
        }
    }

    /// Lets no handler count any more: the turn is stopped (REQ-ASK-06).
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.queue.clear();
        for kind in QuestionKind::ALL {
            self.seen(kind);
        }
        self.signal();
    }

    /// Asks now for a code that nothing said to be sent: the turn settles (REQ-ASK-02).
    pub(super) fn settling(&mut self) {
        for kind in QuestionKind::ALL {
            if self.untold[kind as usize] {
                self.due(kind, None);
            }
            self.seen(kind);
        }
    }

    /// Takes note that an error refused what a handler gave.
    pub(super) fn refused(&mut self, kind: QuestionKind, error: Error) {
        self.refused.push_back((kind, error));
    }

    fn is_under_way(&self, kind: QuestionKind) -> bool {
        let runs = self.active.as_ref().is_some_and(|run| run.kind == kind);
        runs || self.queue.iter().any(|due| due.kind == kind)
    }

    fn due(&mut self, kind: QuestionKind, wrong: Option<Event>) {
        self.seen(kind);
        self.queue.push_back(Due { kind, wrong });
    }

    fn seen(&mut self, kind: QuestionKind) {
        self.untold[kind as usize] = false;
        self.unwatched.retain(|it| *it != kind);
        self.unseen[kind as usize] = None;
    }

    /// Drops the future of the call of the moment; the next one may begin.
    fn signal(&mut self) {
        if let Some(run) = self.active.take() {
            run.task.abort();
        }
    }

    /// Takes note that a call has ended; the question it is for, where what it gives counts.
    fn over(&mut self, number: u64) -> Option<QuestionKind> {
        let run = self.active.take_if(|run| run.number == number)?;
        Some(run.kind)
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.signal();
    }
}

impl Driver {
    // --- what happens to questions

    /// A question opened, or (not `fresh`) more of it came.
    pub(super) fn handle(&mut self, kind: QuestionKind, event: &Event, fresh: bool) {
        let (settled, mine) = (!self.is_live(), self.cell.handlers.answers(kind, event));
        let updates = matches!(event, Event::OtpSent(_));
        let handling = self.handling.get_or_insert_default();
        if fresh || !updates {
            handling.wrong[kind as usize] = 0;
        }
        if !updates {
            handling.ended(kind);
        } else if handling.is_under_way(kind) {
            return;
        }
        if handling.stopped {
            return;
        }
        if !mine {
            if fresh && !settled {
                handling.unwatched.push(kind);
            }
        } else if kind == QuestionKind::Otp && !updates && !settled {
            handling.untold[kind as usize] = true;
            handling.unwatched.push(kind);
        } else {
            handling.due(kind, None);
        }
    }

    /// A question was answered or closed.
    pub(super) fn handled(&mut self, kind: QuestionKind) {
        if let Some(handling) = &mut self.handling {
            handling.ended(kind);
        }
    }

    /// The turn is stopped.
    pub(super) fn stop_handlers(&mut self) {
        if let Some(handling) = &mut self.handling {
            handling.stop();
        }
    }

    /// Asks again when the answer was wrong (REQ-ASK-03).
    pub(super) fn handle_again(&mut self, kind: QuestionKind, event: &Event) {
        let wrong = matches!(event, Event::OtpInvalid(_) | Event::InteractionInvalid(_));
        let mine = self.is_mine(kind);
        if let Some(handling) = &mut self.handling
            && wrong
            && mine
            && !handling.stopped
            && !handling.is_under_way(kind)
        {
            handling.due(kind, Some(event.clone()));
        }
    }

    /// Whether a question that is known has a handler.
    fn is_mine(&self, kind: QuestionKind) -> bool {
        let event = self.asked[kind as usize].event.as_ref();
        event.is_some_and(|event| self.cell.handlers.answers(kind, event))
    }

    /// Whether a code may still be given and looked at.
    pub(super) fn expects_code(&self) -> bool {
        let Some(handling) = &self.handling else {
            return false;
        };
        let asked = self.state.question(QuestionKind::Otp) != QuestionState::None;
        let outlives = |verb: Verb| verb.row().outlives_turn;
        let waits = self.verbs.iter().any(|it| outlives(it.verb));
        asked && !handling.stopped && (handling.is_under_way(QuestionKind::Otp) || waits)
    }

    /// Whether what the turn shows is the present, and nothing of the past (REQ-ASK-13).
    fn is_current(&self) -> bool {
        self.state.turn() != TurnState::Suspended && !self.resuming.is_behind()
    }

    /// A question has been open for a while.
    pub(super) fn look(&mut self, kind: QuestionKind, sender: &mut Sender<'_>) {
        let looked_at = self.cell.is_looked_at();
        let Some(handling) = &mut self.handling else {
            return;
        };
        handling.unseen[kind as usize] = None;
        if handling.untold[kind as usize] {
            handling.due(kind, None);
            self.run(sender);
        } else if !looked_at {
            let text = format!(
                "a question ({kind}) waits: it has no handler, and nobody iterates its turn"
            );
            sender.warn(text, Some(&self.key.id));
        }
    }

    // --- running

    /// After a step: fails what was refused, calls who is next, and lets a result go that was held
    /// back.
    pub(super) fn run(&mut self, sender: &mut Sender<'_>) {
        if self.handling.is_none() {
            return;
        }
        while let Some((kind, error)) = self.next_refused() {
            if self.state.question(kind) == QuestionState::Open {
                self.fail_handler(kind, Failed::of(error), sender);
            }
        }
        if self.is_current() {
            self.watch_questions(sender);
            while let Some(due) = self.next_due() {
                let open = self.state.question(due.kind) == QuestionState::Open;
                if !open || !self.is_mine(due.kind) {
                    continue;
                }
                if due.wrong.is_some() && self.once_too_often(due.kind) {
                    let text =
                        format!("the server refused {REFUSED_ANSWERS} answers of the handler");
                    self.fail_handler(due.kind, Failed::of(text), sender);
                } else {
                    self.call_handler(due, sender);
                }
            }
        }
        self.release_held(sender);
    }

    /// Counts one more wrong answer; says whether its handler has failed with it (REQ-ASK-14).
    fn once_too_often(&mut self, kind: QuestionKind) -> bool {
        self.handling.as_mut().is_some_and(|it| {
            it.wrong[kind as usize] += 1;
            it.wrong[kind as usize] >= REFUSED_ANSWERS
        })
    }

    fn next_refused(&mut self) -> Option<(QuestionKind, Error)> {
        self.handling.as_mut()?.refused.pop_front()
    }

    fn next_due(&mut self) -> Option<Due> {
        let handling = self.handling.as_mut()?;
        match handling.active {
            Some(_) => None,
            None => handling.queue.pop_front(),
        }
    }

    fn watch_questions(&mut self, sender: &Sender<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        for kind in handling.unwatched.drain(..) {
            let timer = sender.arm(QUESTION_UNSEEN, &self.key, Tick::Unseen(kind));
            handling.unseen[kind as usize] = Some(timer);
        }
    }

    /// Calls a handler in a task of its own.
    fn call_handler(&mut self, due: Due, sender: &mut Sender<'_>) {
        let kind = due.kind;
        let asking = self.asking(&due);
        let call = asking.and_then(|it| self.cell.handlers.call(it));
        let (Some(call), Some(handling)) = (call, self.handling.as_mut()) else {
            return;
        };
        handling.calls += 1;
        let (number, serial) = (handling.calls, self.key.serial);
        let (home, session) = (self.home.clone(), self.session_id.clone());
        let task = sender.beside(async move {
            let given = AssertUnwindSafe(call).catch_unwind().await;
            let given = given.unwrap_or_else(|_| Err(Failed::of("the handler panicked")));
            if let Some(home) = home.upgrade() {
                home.gave(serial, &session, number, given);
            }
        });
        let Some(task) = task else { return };
        let limit = sender.limits().handler;
        handling.active = Some(Run {
            number,
            kind,
            task,
            _limit: (!limit.is_zero()).then(|| sender.arm(limit, &self.key, Tick::Handler(number))),
        });
    }

    /// What the handler of an open question is asked.
    fn asking(&self, due: &Due) -> Option<Asking> {
        let asked = &self.asked[due.kind as usize];
        let event = asked.event.clone()?;
        let (request_id, session_id) = (self.key.id.clone(), self.session_id.clone());
        Some(match &event {
            Event::WriteConfirmationRequired(it) => Asking::Confirm(ConfirmAsk {
                request_id,
                session_id,
                tool_id: it.tool_id().to_owned(),
                action_description: it.action_description().to_owned(),
                event,
            }),
            Event::InteractionRequired(it) => {
                let wrong = match &due.wrong {
                    Some(Event::InteractionInvalid(wrong)) => Some(wrong),
                    _ => None,
                };
                Asking::Interaction(Box::new(InteractionAsk {
                    request_id,
                    session_id,
                    interaction_id: it.interaction_id().to_owned(),
                    kind: it.kind().to_owned(),
                    spec: it.spec().clone(),
                    reason: Some(it.reason().to_owned()),
                    errors: wrong.map(|it| it.errors().to_vec()).unwrap_or_default(),
                    message: wrong.map(|it| it.message().to_owned()),
                    event,
                }))
            }
            _ => {
                let ask = OtpAsk::new(request_id, session_id, event, asked.required.as_ref());
                Asking::Otp(Box::new(match &due.wrong {
                    Some(Event::OtpInvalid(wrong)) => ask.again(wrong),
                    _ => ask,
                }))
            }
        })
    }

    /// Takes what a handler gave, if it still counts. `parks`: the server takes a declined code.
    pub(super) fn gave(
        &mut self,
        number: u64,
        given: Result<Given, Failed>,
        parks: bool,
        sender: &mut Sender<'_>,
    ) {
        let handling = self.handling.as_mut();
        let Some(kind) = handling.and_then(|it| it.over(number)) else {
            return;
        };
        let sent = match given {
            Ok(Given::Confirmed(approved)) => self.send_given(Ask::confirm(approved, None), sender),
            Ok(Given::Code(code)) => self.send_given(Ask::verify_otp(&code), sender),
            Ok(Given::Values(values)) => self.send_given(Ask::submit(&values), sender),
            Ok(Given::Declined) => self.send_given(Ask::new(Verb::Decline), sender),
            Ok(Given::NoCode) if parks => self.send_given(Ask::new(Verb::DeclineOtp), sender),
            Ok(Given::NoCode) => Ok(()), // it stays open for who has its code (REQ-OTP-05)
            Err(failed) => Err(failed),
        };
        if let Err(failed) = sent {
            self.fail_handler(kind, failed, sender);
        }
        self.run(sender);
    }

    /// Sends an answer that nobody waits for. One that comes too late is none.
    fn send_given(&mut self, ask: Ask, sender: &mut Sender<'_>) -> Result<(), Failed> {
        if let Some(fault) = ask.fault() {
            return Err(Failed::of(fault));
        }
        let (done, _) = oneshot::channel();
        let waiter = Waiter {
            done,
            unheard: Arc::new(|_| {}),
            by_handler: true,
        };
        match self.give(ask, waiter, sender) {
            Err(Error::NoPendingQuestion(_) | Error::AlreadyAnswered(_)) | Ok(()) => Ok(()),
            Err(error) => Err(Failed::of(error)),
        }
    }

    /// Answers no, then fails the turn (REQ-ASK-07).
    fn fail_handler(&mut self, kind: QuestionKind, failed: Failed, sender: &mut Sender<'_>) {
        let no = match kind {
            QuestionKind::Confirmation => Some(Ask::confirm(false, None)),
            QuestionKind::Interaction => Some(Ask::new(Verb::Decline)),
            _ => None, // a code is not sent; of a question of tomorrow nothing is known
        };
        if let Some(no) = no {
            let _ = self.send_given(no, sender);
        }
        let named = failed.named;
        let draft = Draft::default().question(Some(kind)).source(failed.source);
        let draft = draft.partial(&self.cell.partial_text());
        let error = self.about(draft.end(Leaf::Handler));
        if self.held.take().is_some() {
            self.conclude(Settled::Failed(error), sender);
        } else if self.is_live() {
            let cause = Cause {
                handler: Some(&error),
                ..Cause::default()
            };
            self.step_local(Signal::HandlerFailed, &cause, sender);
        } else {
            let text = format!("a handler failed: {named}"); // nothing that was said (REQ-ERR-04)
            sender.warn(text, Some(&self.key.id));
        }
    }

    /// A handler took too long.
    pub(super) fn handler_late(&mut self, number: u64, sender: &mut Sender<'_>) {
        let active = self.handling.as_mut().and_then(|it| {
            let run = it.active.take_if(|run| run.number == number)?;
            run.task.abort();
            Some(run.kind)
        });
        if let Some(kind) = active {
            let limit = sender.limits().handler;
            let text = format!("the handler took longer than {limit:?}");
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, text);
            self.fail_handler(kind, Failed::of(late), sender);
            self.run(sender);
        }
    }
}
