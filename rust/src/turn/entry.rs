//! One turn: steps the turn machine and the question machines, and does what their effects say.

use std::sync::Arc;
use std::time::Duration;

use super::cell::{Cell, Settled};
use super::facts::{Facts, Open};
use super::questions::{Asked, Question};
use super::result::{Outcome, TurnResult};
use super::verbs::Outstanding;
use crate::clock::Timer;
use crate::errors::{Draft, Error, QuestionKind};
use crate::requests::{Arrived, Cause, Desk, Key, Tick, error_of};
use crate::wire::actions::{Action as _, Cancel};
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::machine::{
    ConfirmationState as QuestionState, Effect, Guard, Signal, TURN, TurnState, Verb, step,
};

/// A turn in the client's books: alive, or settled with an OTP question or a verb left over.
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) session_id: String,
    pub(crate) cell: Arc<Cell>,
    pub(crate) state: TurnState,
    /// Number of the frame that started the turn.
    pub(crate) packet: Option<u64>,
    pub(crate) detached: bool,
    /// Number of the one `cancel` of the turn.
    cancelled: bool,
    pub(crate) asked: [Asked; 3],
    pub(crate) verbs: Vec<Outstanding>,
    pub(crate) verbs_drawn: u64,
    /// Since when the turn has been silent; none while a human is asked (REQ-TURN-11).
    silent_since: Option<Duration>,
    idle: Option<Timer>,
    total: Option<Timer>,
    cancel: Option<Timer>,
}

impl Entry {
    pub(crate) fn new(key: Key, session_id: String, cell: Arc<Cell>) -> Self {
        Self {
            key,
            session_id,
            cell,
            state: TURN.initial,
            packet: None,
            detached: false,
            cancelled: false,
            asked: QuestionKind::ALL.map(Asked::new),
            verbs: Vec::new(),
            verbs_drawn: 0,
            silent_since: None,
            idle: None,
            total: None,
            cancel: None,
        }
    }

    /// Starts the clocks of a turn whose frame was queued.
    pub(crate) fn begin(&mut self, desk: &dyn Desk) {
        let total = desk.limits().turn;
        if !total.is_zero() {
            self.total = Some(desk.arm(total, &self.key, Tick::Total));
        }
        self.listen(desk);
    }

    pub(crate) fn is_live(&self) -> bool {
        self.state != TurnState::Settled
    }

    /// Whether nothing of the turn is left to wait for.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_live() && self.verbs.is_empty() && self.otp().state == QuestionState::None
    }

    fn otp(&self) -> &Asked {
        &self.asked[QuestionKind::Otp as usize]
    }

    /// The open question; the first by kind where there are several.
    /// Whether verbs act on the turn: it has not settled, or its OTP question outlives it
    /// (REQ-VERB-08).
    pub(crate) fn takes_verbs(&self) -> bool {
        let asks = |one: &Asked| one.kind == QuestionKind::Otp && one.state != QuestionState::None;
        self.is_live() || self.asked.iter().any(asks)
    }

    pub(crate) fn open_question(&self) -> Option<Question> {
        let open = self
            .asked
            .iter()
            .find(|one| one.state == QuestionState::Open)?;
        Some(Question {
            kind: open.kind,
            event: open.event.clone()?,
        })
    }

    // --- frames

    /// Whether a frame of that signal is an item to this turn and nothing else: no question is
    /// asked, no verb is out, and the tables ask no guard and move nothing.
    pub(crate) fn is_quiet(&self, signal: Signal) -> bool {
        let still = |one: &Asked| one.state == one.kind.machine().initial;
        self.verbs.is_empty() && self.asked.iter().all(still) && only_item(self.state, signal)
    }

    /// A frame came that is an item and nothing else.
    pub(crate) fn heard(&mut self, now: Duration) {
        if self.silent_since.is_some() {
            self.silent_since = Some(now);
        }
    }

    /// Takes a frame of the turn: through the question machines first, then the turn machine.
    pub(crate) fn on_frame(&mut self, arrived: &Arrived<'_>, desk: &mut dyn Desk) {
        let open: Vec<Open> = self
            .verbs
            .iter()
            .map(|one| Open {
                number: one.number,
                verb: one.verb,
            })
            .collect();
        let facts = Facts::of(arrived, self.state, &open);
        self.heard(desk.now());
        for kind in QuestionKind::ALL {
            // Nobody can be asked any more for a turn that is over; its code question alone goes on.
            if self.state != TurnState::Settled || kind == QuestionKind::Otp {
                self.step_question(kind, &facts, arrived.event, desk);
            }
        }
        let moved = step(&TURN, self.state, facts.signal, |guard| {
            facts.for_turn(guard)
        });
        if let Some((state, effects)) = moved {
            let cause = Cause {
                arrived: Some(arrived),
                ..Cause::default()
            };
            self.follow(state, effects, &cause, desk);
        }
    }

    fn step_question(
        &mut self,
        kind: QuestionKind,
        facts: &Facts,
        event: &Event,
        desk: &mut dyn Desk,
    ) {
        let asked = &self.asked[kind as usize];
        let before = asked.state;
        let expired = asked.expired(desk.now(), facts.signal == Signal::StreamToken);
        let guard = |guard: Guard| facts.for_question(guard, kind, expired);
        let Some((state, effects)) = step(kind.machine(), before, facts.signal, guard) else {
            return;
        };
        self.asked[kind as usize].state = state;
        for effect in effects {
            match effect {
                Effect::Open => {
                    self.asked[kind as usize].keep(event, desk.now());
                    self.ask(kind, desk);
                }
                Effect::Reopen => self.ask(kind, desk),
                Effect::Shut => self.shut(kind, desk),
                Effect::Resolve => self.resolve_verb(facts, event),
                Effect::Fail => self.fail_verb(facts, event),
                _ => {}
            }
        }
    }

    /// A question is open: its clock runs, the idle clock stands still.
    fn ask(&mut self, kind: QuestionKind, desk: &dyn Desk) {
        self.silent_since = None;
        let asked = &mut self.asked[kind as usize];
        if self.state == TurnState::Settled {
            return; // the OTP question outlives its turn, its clock does not
        }
        asked.timer = asked
            .limit(desk.limits().question)
            .map(|limit| desk.arm(limit, &self.key, Tick::Question(kind)));
    }

    fn shut(&mut self, kind: QuestionKind, desk: &dyn Desk) {
        self.asked[kind as usize].shut();
        self.listen(desk);
    }

    /// A question was answered: its clock stops and the idle clock starts anew.
    pub(crate) fn answered(&mut self, kind: QuestionKind, desk: &dyn Desk) {
        self.asked[kind as usize].timer = None;
        self.listen(desk);
    }

    /// Starts the idle clock anew unless a question is open.
    fn listen(&mut self, desk: &dyn Desk) {
        let limit = desk.limits().turn_idle;
        let asking = self
            .asked
            .iter()
            .any(|one| one.state == QuestionState::Open);
        if limit.is_zero() || asking || !self.is_live() {
            return;
        }
        if self.silent_since.is_some() && self.idle.is_some() {
            return; // it runs, and every frame moves its start
        }
        self.silent_since = Some(desk.now());
        self.idle = Some(desk.arm(limit, &self.key, Tick::Idle));
    }

    fn resolve_verb(&mut self, facts: &Facts, event: &Event) {
        if let Some(verb) = facts.answers.and_then(|open| self.take_verb(open.number)) {
            verb.finish(Ok(Some(event.clone())));
        }
    }

    fn fail_verb(&mut self, facts: &Facts, event: &Event) {
        let Event::Error(told) = event else { return };
        if let Some(verb) = facts.answers.and_then(|open| self.take_verb(open.number)) {
            verb.finish(Err(self.about(Error::of_event(told))));
        }
    }

    pub(crate) fn take_verb(&mut self, number: u64) -> Option<Outstanding> {
        let at = self.verbs.iter().position(|verb| verb.number == number)?;
        Some(self.verbs.remove(at))
    }

    // --- what happens here

    /// A time is over.
    pub(crate) fn on_tick(&mut self, tick: &Tick, desk: &mut dyn Desk) {
        match tick {
            Tick::Idle => self.on_idle(desk),
            Tick::Total => self.on_local(Signal::TotalTimeout, &Cause::default(), desk),
            Tick::Cancel => self.on_local(Signal::CancelTimeout, &Cause::default(), desk),
            Tick::Question(kind) => {
                if self.asked[*kind as usize].state == QuestionState::Open {
                    self.on_local(Signal::QuestionTimeout, &Cause::default(), desk);
                }
            }
            Tick::Verb(number) => {
                if let Some(verb) = self.take_verb(*number) {
                    let error = Draft::default();
                    verb.finish(Err(self.about(error.end(Leaf::RequestTimeout))));
                }
            }
            Tick::Call => {}
        }
    }

    fn on_idle(&mut self, desk: &mut dyn Desk) {
        self.idle = None;
        let Some(since) = self.silent_since else {
            return;
        };
        let left = (since + desk.limits().turn_idle).saturating_sub(desk.now());
        if left.is_zero() {
            self.on_local(Signal::IdleTimeout, &Cause::default(), desk);
        } else {
            self.idle = Some(desk.arm(left, &self.key, Tick::Idle));
        }
    }

    /// Something other than a frame: the link, a clock, the caller.
    pub(crate) fn on_local(&mut self, signal: Signal, cause: &Cause<'_>, desk: &mut dyn Desk) {
        let unwritten = self.taken_back(signal, desk);
        let holds = |guard| guard == Guard::Unwritten && unwritten;
        if let Some((state, effects)) = step(&TURN, self.state, signal, holds) {
            self.follow(state, effects, cause, desk);
        }
        let moved = step(
            QuestionKind::Otp.machine(),
            self.otp().state,
            signal,
            |_| false,
        );
        if let Some((state, effects)) = moved {
            self.asked[QuestionKind::Otp as usize].state = state;
            if effects.contains(&Effect::Shut) {
                self.shut(QuestionKind::Otp, desk);
            }
        }
    }

    /// Takes the turn's own frame back when it still waits for the link and `signal` makes it
    /// pointless (REQ-STOP-01, REQ-TURN-12).
    fn taken_back(&self, signal: Signal, desk: &mut dyn Desk) -> bool {
        use Signal::{Cancel, IdleTimeout, TotalTimeout};
        self.state == TurnState::Sent
            && matches!(signal, Cancel | IdleTimeout | TotalTimeout)
            && desk.waits_for_link()
            && self.packet.is_some_and(|packet| desk.take_back(packet))
    }

    /// The link is gone for good: nobody answers what is still outstanding.
    pub(crate) fn abandon_verbs(&mut self, error: &Error) {
        for verb in std::mem::take(&mut self.verbs) {
            verb.finish(Err(self.about(error.clone())));
        }
    }

    /// Nobody waits for the turn any more (REQ-STOP-04, REQ-STOP-05).
    pub(crate) fn on_abandoned(&mut self, desk: &mut dyn Desk) {
        if !self.is_live() || self.detached {
            return;
        }
        self.on_local(Signal::Cancel, &Cause::default(), desk);
    }

    fn follow(
        &mut self,
        state: TurnState,
        effects: &[Effect],
        cause: &Cause<'_>,
        desk: &mut dyn Desk,
    ) {
        if state == TurnState::Running {
            self.cell.set_running();
        }
        for effect in effects {
            match effect {
                Effect::Item => {
                    if let Some(arrived) = cause.arrived {
                        self.cell.push(arrived.event.clone());
                    }
                }
                Effect::SendCancel => self.send_cancel(desk),
                Effect::Tap => {}
                settling => self.settle(*settling, cause, desk),
            }
        }
        if self.is_live() {
            self.state = state;
        }
    }

    /// Writes the one `cancel` of the turn.
    fn send_cancel(&mut self, desk: &mut dyn Desk) {
        if std::mem::replace(&mut self.cancelled, true) {
            return;
        }
        let cancel = Cancel::new()
            .request_id(&self.key.id)
            .session_id(&self.session_id);
        desk.send(Cancel::NAME, Some(&self.key.id), cancel.to_json());
        let limit = desk.limits().cancel;
        self.cancel = Some(desk.arm(limit, &self.key, Tick::Cancel));
    }

    // --- the end

    fn settle(&mut self, effect: Effect, cause: &Cause<'_>, desk: &mut dyn Desk) {
        let settled = match self.outcome(effect, cause) {
            Some(result) => Settled::Done(Box::new(result)),
            None => Settled::Failed(self.failure(effect, cause, desk)),
        };
        self.end(settled, desk);
    }

    fn outcome(&self, effect: Effect, cause: &Cause<'_>) -> Option<TurnResult> {
        let terminal = cause.arrived.map(|arrived| arrived.event);
        let (outcome, confirmed, text) = match effect {
            Effect::SettleCompleted => (Outcome::Completed, None, self.cell.text_of(terminal?)),
            Effect::SettleCancelled => (Outcome::Cancelled, Some(true), self.cell.partial_text()),
            Effect::SettleCancelledUnconfirmed => {
                (Outcome::Cancelled, Some(false), self.cell.partial_text())
            }
            _ => return None,
        };
        let mut result = TurnResult::new(&self.key.id, &self.session_id, outcome, text);
        result.confirmed = confirmed;
        Some(match terminal {
            Some(event) => result.told_by(event),
            None => result,
        })
    }

    fn failure(&self, effect: Effect, cause: &Cause<'_>, desk: &dyn Desk) -> Error {
        let question = self.open_question().map(|question| question.kind);
        let error =
            error_of(effect, cause).unwrap_or_else(|| Draft::default().end(Leaf::TurnTimeout));
        let interrupted = matches!(error, Error::TurnInterrupted(_));
        self.about(error).with(|draft| {
            let draft = draft.partial(&self.cell.partial_text());
            match effect {
                Effect::SettleFailedTurnInterrupted if interrupted => {
                    let sent = self.packet.is_some_and(|packet| desk.is_sent(packet));
                    draft.sent(sent).question(question)
                }
                Effect::SettleFailedTurnTimeout => draft.question(question),
                _ => draft,
            }
        })
    }

    fn about(&self, error: Error) -> Error {
        error.with(|draft| {
            let draft = draft.request(&self.key.id).session(&self.session_id);
            draft.place(&self.cell.place)
        })
    }

    /// Settles the turn: its clocks stop, its questions close, its verbs end (REQ-VERB-06).
    pub(crate) fn end(&mut self, settled: Settled, desk: &mut dyn Desk) {
        self.state = TurnState::Settled;
        (self.idle, self.total, self.cancel) = (None, None, None);
        self.silent_since = None;
        self.asked[QuestionKind::Otp as usize].timer = None;
        for kind in [QuestionKind::Confirmation, QuestionKind::Interaction] {
            let asked = &mut self.asked[kind as usize];
            if let Some((state, _)) = step(kind.machine(), asked.state, Signal::Settle, |_| false) {
                asked.state = state;
                asked.shut();
            }
        }
        let error = match &settled {
            Settled::Failed(error) => error.clone(),
            Settled::Done(_) => self.about(Draft::default().end(Leaf::NoPendingQuestion)),
        };
        self.cell.settle(settled);
        let (over, waiting) = std::mem::take(&mut self.verbs)
            .into_iter()
            .partition(|one: &Outstanding| !matches!(one.verb, Verb::VerifyOtp | Verb::DeclineOtp));
        self.verbs = waiting;
        for verb in over {
            let cancelled = verb.verb == Verb::Cancel;
            verb.finish(if cancelled {
                Ok(None)
            } else {
                Err(error.clone())
            });
        }
        if self.detached
            && let Some(error) = self.cell.unseen_error()
        {
            desk.warn(
                format!("a turn failed that nobody awaits: {error}"),
                Some(&self.key.id),
            );
        }
    }
}

/// Whether the tables make an item of a signal and nothing else, without asking a guard, while no
/// question is open.
fn only_item(state: TurnState, signal: Signal) -> bool {
    let mut asked = false;
    let mut ask = |_| {
        asked = true;
        false
    };
    let stays = matches!(
        step(&TURN, state, signal, &mut ask),
        Some((next, [Effect::Item])) if next == state
    );
    let idle = QuestionKind::ALL.iter().all(|kind| {
        let machine = kind.machine();
        step(machine, machine.initial, signal, &mut ask).is_none()
    });
    stays && idle && !asked
}
