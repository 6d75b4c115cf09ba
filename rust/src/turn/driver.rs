//! Drives one turn: steps its machines and does what their effects say.

use std::sync::Arc;
use std::time::Duration;

use super::cell::{Cell, Settled};
use super::questions::{Asked, Question};
use super::result::TurnResult;
use super::resuming::Resuming;
use super::state::{State, Step};
use super::verbs::Outstanding;
use crate::clock::Timer;
use crate::connection::Outgoing;
use crate::errors::{Draft, Error};
use crate::observer::Seen;
use crate::options::Options;
use crate::requests::{Arrived, Cause, InFlight, Key, Sender, Tick};
use crate::wire::actions::{self, Action as _};
use crate::wire::errors::{Leaf, code_row};
use crate::wire::options::OUTBOUND_BYTES;
use crate::wire::steps::{
    Action, Ending, Facts, Outcome, QUESTIONS, QuestionKind, QuestionState, Signal, TurnEffect,
    TurnState, answering,
};

/// A turn in the books: alive, or settled with a question or a verb left over.
pub(crate) struct Driver {
    pub(super) key: Key,
    pub(super) session_id: String,
    pub(super) cell: Arc<Cell>,
    pub(super) state: State,
    /// The frame that started the turn; none for one that began elsewhere.
    pub(super) frame: Option<Arc<Outgoing>>,
    pub(super) detached: bool,
    /// When the turn began.
    since: Duration,
    /// How long after that the first token came.
    first_token: Option<Duration>,
    /// Whether the one `cancel` of the turn was written.
    pub(super) cancelled: bool,
    pub(super) asked: [Asked; QUESTIONS],
    pub(super) verbs: Vec<Outstanding>,
    pub(super) verbs_drawn: u64,
    /// Since when the turn has been silent; none while a human is asked (REQ-TURN-11).
    pub(super) silent_since: Option<Duration>,
    pub(super) idle: Option<Timer>,
    total: Option<Timer>,
    pub(super) cancel: Option<Timer>,
    pub(super) resume: Option<Timer>,
    pub(super) again: Option<Timer>,
    pub(super) resuming: Resuming,
    /// Whether the turn was suspended before the step that runs.
    pub(super) paused: bool,
}

/// What the effects of one step are about.
pub(super) struct About<'a> {
    pub(super) signal: Signal,
    pub(super) cause: &'a Cause<'a>,
    /// Number of the verb that the frame answers.
    pub(super) verb: Option<u64>,
    /// The question that was open before the step.
    pub(super) asked: Option<QuestionKind>,
}

impl Driver {
    pub(super) fn new(key: Key, session_id: String, cell: Arc<Cell>, resuming: Resuming) -> Self {
        Self {
            key,
            session_id,
            cell,
            state: State::new(),
            frame: None,
            detached: false,
            since: Duration::ZERO,
            first_token: None,
            cancelled: false,
            asked: QuestionKind::ALL.map(|_| Asked::default()),
            verbs: Vec::new(),
            verbs_drawn: 0,
            silent_since: None,
            idle: None,
            total: None,
            cancel: None,
            resume: None,
            again: None,
            resuming,
            paused: false,
        }
    }

    /// Queues the message and starts the clocks; whatever hinders it settles the turn
    /// (REQ-TURN-01).
    pub(crate) fn start(&mut self, action: &'static str, text: String, sender: &mut Sender<'_>) {
        if text.len() > OUTBOUND_BYTES {
            let cause = Cause::too_large(text.len());
            return self.on_local(Signal::TooLarge, &cause, sender);
        }
        match sender.ready() {
            Err(Error::NotConnected(_)) => {
                self.on_local(Signal::NotConnected, &Cause::default(), sender);
            }
            Err(Error::QueueFull(_)) => {
                self.on_local(Signal::QueueFull, &Cause::default(), sender);
            }
            Err(error) => self.refuse(error, sender),
            Ok(()) => {
                self.frame = Some(match self.resuming.replays {
                    true => sender.send_kept(action, &self.key.id, text),
                    false => sender.send(action, &self.key.id, text),
                });
                sender.seen(|| Seen::TurnStarted(self.key.id.clone(), self.session_id.clone()));
                self.begin(sender);
            }
        }
    }

    /// The turn never begins.
    pub(crate) fn refuse(&mut self, error: Error, sender: &mut Sender<'_>) {
        self.state.refuse();
        self.end(Settled::Failed(self.about(error)), sender);
    }

    /// Whether verbs act on the turn: it has not settled, or a question outlives it (REQ-VERB-08).
    pub(crate) fn takes_verbs(&self) -> bool {
        self.is_live() || self.state.outlived()
    }

    /// The question of a kind that is open, else none; without a kind the first one.
    pub(crate) fn question(&self, kind: Option<QuestionKind>) -> Option<Question> {
        let found = self
            .state
            .open()
            .find(|it| kind.is_none_or(|kind| kind == *it))?;
        let event = self.asked[found as usize].event.clone()?;
        Some(Question { kind: found, event })
    }

    /// Nobody waits for the turn any more (REQ-STOP-04, REQ-STOP-05).
    pub(crate) fn on_abandoned(&mut self, sender: &mut Sender<'_>) {
        if self.is_live() && !self.detached {
            self.on_local(Signal::Cancel, &Cause::default(), sender);
        }
    }

    /// What every error of the turn says.
    pub(super) fn about(&self, error: Error) -> Error {
        error.with(|draft| {
            let draft = draft.request(&self.key.id).session(&self.session_id);
            draft.place(&self.cell.place)
        })
    }

    /// Whether the turn waits to be taken up (REQ-RESUME-02).
    pub(super) fn is_suspended(&self) -> bool {
        self.state.turn() == TurnState::Suspended
    }

    fn may_have_left(&self) -> bool {
        self.frame.as_ref().is_none_or(|it| it.may_have_left())
    }

    // --- the machines

    /// What a frame says, with what the turn knows beside it; the number of the verb it answers.
    fn facts<'a>(
        &self,
        signal: Signal,
        arrived: &Arrived<'a>,
        now: Duration,
    ) -> (Facts<'a>, Option<u64>) {
        let mut facts = arrived.facts();
        if signal == Signal::ResumeRefused {
            facts.error_retryable = facts.code.map(|code| code_row(code).retryable);
        }
        facts.resume_state = self.resuming.state_of(arrived);
        facts.unseen = Some(self.resuming.unseen());
        facts.cancelling = Some(self.cancelled);
        facts.turn = Some(self.state.turn());
        let answered = answering(signal, &facts);
        let verb = self.verbs.iter().find(|it| answered.contains(&it.verb));
        facts.verb = verb.map(|it| it.verb);
        let number = verb.map(|it| it.number);
        let mut expired = [false; QUESTIONS];
        for kind in self.state.open() {
            let asked = &self.asked[kind as usize];
            let written = asked.asked_at.and_then(|_| arrived.numbered_at());
            expired[kind as usize] = asked.expired(now, written, signal == Signal::StreamToken);
        }
        facts.expired = Some(expired);
        (facts, number)
    }

    pub(super) fn act(&mut self, steps: &[Step], about: &About<'_>, sender: &mut Sender<'_>) {
        self.cell.set(self.state.turn());
        for step in steps {
            match step.effect {
                TurnEffect::Item => {
                    if let Some(arrived) = about.cause.arrived {
                        self.cell.push(arrived.event.clone());
                    }
                }
                TurnEffect::Tap => {} // it was shown when it came
                TurnEffect::Settle(outcome, ending) => {
                    self.settle(outcome, ending, about, sender);
                }
                TurnEffect::Resolve => self.resolve(about),
                TurnEffect::Fail(ending) => self.fail(ending, about, sender),
                TurnEffect::Refuse(_) => {} // for the answer alone, see `try_answer`
                TurnEffect::Open => self.opened(step, about, sender),
                TurnEffect::Reopen => self.ask(step, sender),
                TurnEffect::Shut => self.shut(step, sender),
                TurnEffect::Send(Action::Cancel) => self.send_cancel(sender),
                TurnEffect::Send(Action::ResumeTurn) => self.ask_again(sender),
                TurnEffect::Schedule(_) => self.wait(about, sender),
                TurnEffect::Repeat => self.repeat(step, about, sender),
                TurnEffect::Suspend => self.suspend(sender),
                TurnEffect::Resume => self.resume(about, sender),
                TurnEffect::Send(_) => {} // the frame of an answer is written by `try_answer`
            }
        }
    }

    fn resolve(&mut self, about: &About<'_>) {
        let event = about.cause.arrived.map(|it| it.event.clone());
        if let Some(verb) = about.verb.and_then(|number| self.take_verb(number)) {
            verb.finish(Ok(event));
        }
    }

    fn fail(&mut self, ending: Option<Ending>, about: &About<'_>, sender: &Sender<'_>) {
        let Some(verb) = about.verb.and_then(|number| self.take_verb(number)) else {
            return;
        };
        let error = match ending {
            Some(_) => lost(sender).end(Leaf::ConnectionLost), // its frame (REQ-RESUME-07)
            None => about.cause.error(Ending::ByCode),
        };
        verb.finish(Err(self.about(error)));
    }

    fn take_verb(&mut self, number: u64) -> Option<Outstanding> {
        let at = self.verbs.iter().position(|verb| verb.number == number)?;
        Some(self.verbs.remove(at))
    }

    // --- questions

    fn opened(&mut self, step: &Step, about: &About<'_>, sender: &Sender<'_>) {
        if let (Some(kind), Some(arrived)) = (step.question, about.cause.arrived) {
            let asked = &mut self.asked[kind as usize];
            asked.keep(kind, arrived.event, sender.now());
            asked.asked_at = match self.resuming.replays {
                true => arrived.numbered_at(),
                false => None,
            };
            sender.seen(|| Seen::Question(self.key.id.clone(), kind));
            self.silent_since = None;
            let limit = self.asked[kind as usize].limit(sender.limits().question);
            let asked_at = self.asked[kind as usize].asked_at;
            self.time_question(
                kind,
                limit.map(|it| self.resuming.rest(it, asked_at)),
                sender,
            );
        }
    }

    /// A question is open: its clock runs, the idle clock stands still.
    fn ask(&mut self, step: &Step, sender: &Sender<'_>) {
        let Some(kind) = step.question else { return };
        self.silent_since = None;
        let limit = self.asked[kind as usize].limit(sender.limits().question);
        self.time_question(kind, limit, sender);
    }

    pub(super) fn time_question(
        &mut self,
        kind: QuestionKind,
        limit: Option<Duration>,
        sender: &Sender<'_>,
    ) {
        if self.is_live() {
            // a question may outlive its turn, its clock does not
            let timer = limit.map(|limit| sender.arm(limit, &self.key, Tick::Question(kind)));
            self.asked[kind as usize].timer = timer;
        }
    }

    fn shut(&mut self, step: &Step, sender: &Sender<'_>) {
        if let Some(kind) = step.question {
            self.asked[kind as usize].shut();
            self.listen(sender);
        }
    }

    /// A question was answered: its clock stops and the idle clock starts anew.
    pub(super) fn answered(&mut self, kind: QuestionKind, sender: &Sender<'_>) {
        self.asked[kind as usize].timer = None;
        self.listen(sender);
    }

    // --- clocks

    /// Starts the idle clock anew unless a question is open.
    pub(super) fn listen(&mut self, sender: &Sender<'_>) {
        let limit = sender.limits().turn_idle;
        let asking = self.state.open().next().is_some();
        if limit.is_zero() || asking || !self.is_live() || self.is_suspended() {
            return;
        }
        if self.silent_since.is_some() && self.idle.is_some() {
            return; // it runs, and every frame moves its start
        }
        self.silent_since = Some(sender.now());
        self.idle = Some(sender.arm(limit, &self.key, Tick::Idle));
    }

    fn on_idle(&mut self, sender: &mut Sender<'_>) {
        self.idle = None;
        let Some(since) = self.silent_since else {
            return;
        };
        let left = (since + sender.limits().turn_idle).saturating_sub(sender.now());
        if left.is_zero() {
            self.on_local(Signal::IdleTimeout, &Cause::default(), sender);
        } else {
            self.idle = Some(sender.arm(left, &self.key, Tick::Idle));
        }
    }

    // --- the end

    fn settle(
        &mut self,
        outcome: Outcome,
        ending: Option<Ending>,
        about: &About<'_>,
        sender: &mut Sender<'_>,
    ) {
        let settled = match outcome {
            Outcome::Failed => Settled::Failed(self.failure(ending, about, sender)),
            Outcome::Completed | Outcome::Cancelled => {
                let now = sender.now();
                Settled::Done(Box::new(self.success(outcome, ending, about, now)))
            }
        };
        self.end(settled, sender);
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
        self.about(error.with(|draft| draft.partial(&self.cell.partial_text())))
            .with_turn(about.asked, sent)
    }

    /// Settles the turn: its clocks stop, its verbs end (REQ-VERB-06).
    fn end(&mut self, settled: Settled, sender: &mut Sender<'_>) {
        (self.idle, self.total, self.cancel) = (None, None, None);
        (self.resume, self.again) = (None, None);
        if let Some(cancel) = self.resuming.cancel.take()
            && (sender.is_linked() || sender.is_sought())
        {
            sender.send(actions::Cancel::NAME, &self.key.id, cancel); // on the next link
        }
        self.silent_since = None;
        for asked in &mut self.asked {
            asked.timer = None;
        }
        if let Some(frame) = &self.frame {
            frame.withdraw();
        }
        let error = match &settled {
            Settled::Failed(error) => error.clone(),
            Settled::Done(_) => self.about(Draft::default().end(Leaf::NoPendingQuestion)),
        };
        sender.seen(|| settled.seen(&self.key.id));
        self.cell.settle(settled);
        let paused = self.paused; // then no answer can come (REQ-RESUME-08)
        let outlives = |one: &Outstanding| one.verb.row().outlives_turn && !paused;
        let verbs = std::mem::take(&mut self.verbs).into_iter();
        let (waiting, over) = verbs.partition(outlives);
        self.verbs = waiting;
        for verb in over {
            let stopped = verb.verb.row().question.is_none();
            verb.finish(if stopped {
                Ok(None)
            } else {
                Err(error.clone())
            });
        }
        if self.detached
            && let Some(error) = self.cell.unseen_error()
        {
            let text = format!("a turn failed that nobody awaits: {error}");
            sender.warn(text, Some(&self.key.id));
        }
    }
}

/// What is known of the loss of the link.
fn lost(sender: &Sender<'_>) -> Draft {
    let end = sender.loss();
    Draft::default()
        .close_code(end.and_then(|end| end.code))
        .close_reason(end.map(|end| end.reason.as_str()))
}

impl InFlight for Driver {
    type Shown = Cell;

    fn accepted(key: Key, session_id: String, options: &Options) -> Self {
        let cell = Arc::new(Cell::new(Arc::clone(&options.place)));
        let resuming = Resuming::new(false, true, options.limits.resume, &options.seeking);
        let mut turn = Self::new(key, session_id, cell, resuming);
        turn.state.accept();
        turn.cell.set(turn.state.turn());
        turn
    }

    fn begin(&mut self, sender: &mut Sender<'_>) {
        self.since = sender.now();
        let total = sender.limits().turn;
        if !total.is_zero() {
            self.total = Some(sender.arm(total, &self.key, Tick::Total));
        }
        self.listen(sender);
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn session_id(&self) -> &str {
        &self.session_id
    }

    fn shown(&self) -> &Arc<Cell> {
        &self.cell
    }

    fn is_live(&self) -> bool {
        !self.state.is_settled()
    }

    fn is_over(&self) -> bool {
        !self.is_live() && self.verbs.is_empty() && !self.state.outlived()
    }

    fn is_quiet(&self, signal: Signal) -> bool {
        let first = self.first_token.is_none() && signal == Signal::StreamToken;
        let plain = self.verbs.is_empty() && !first && !self.resuming.replays;
        plain && self.state.is_quiet(signal)
    }

    fn heard(&mut self, now: Duration) {
        if self.silent_since.is_some() {
            self.silent_since = Some(now);
        }
    }

    fn on_frame(&mut self, arrived: &Arrived<'_>, sender: &mut Sender<'_>) {
        let now = sender.now();
        self.paused = self.is_suspended();
        let signal = self.resuming.takes(arrived, self.state.turn());
        let (facts, verb) = self.facts(signal, arrived, now);
        self.heard(now);
        if self.first_token.is_none() && signal == Signal::StreamToken {
            self.first_token = Some(now.saturating_sub(self.since));
            sender.seen(|| Seen::FirstToken(self.key.id.clone()));
        }
        let about = About {
            signal,
            cause: &Cause::came(arrived),
            verb,
            asked: self.state.open().next(),
        };
        let steps = self.state.step(signal, &facts);
        self.act(&steps, &about, sender);
        self.catch_up(sender);
    }

    fn on_local(&mut self, signal: Signal, cause: &Cause<'_>, sender: &mut Sender<'_>) {
        self.paused = self.is_suspended();
        if matches!(
            signal,
            Signal::ClosedByPeer | Signal::Lost | Signal::PongTimeout | Signal::ProbeFailed
        ) {
            self.again = None; // the next link asks
        }
        let about = About {
            signal,
            cause,
            verb: None,
            asked: self.state.open().next(),
        };
        let facts = Facts {
            turn: Some(self.state.turn()),
            may_have_left: Some(self.may_have_left()),
            sought: Some(sender.is_sought()),
            resumable: Some(self.resuming.replays && self.is_live() && self.may_have_left()),
            ..Facts::default()
        };
        let steps = self.state.step(signal, &facts);
        self.act(&steps, &about, sender);
    }

    fn on_tick(&mut self, tick: &Tick, sender: &mut Sender<'_>) {
        let cause = Cause::default();
        match tick {
            Tick::Idle => self.on_idle(sender),
            Tick::Total => self.on_local(Signal::TotalTimeout, &cause, sender),
            Tick::Cancel => self.on_local(Signal::CancelTimeout, &cause, sender),
            Tick::Resume => self.on_local(Signal::ResumeTimeout, &cause, sender),
            Tick::Again => self.on_local(Signal::ResumeDue, &cause, sender),
            Tick::Question(kind) if self.state.question(*kind) == QuestionState::Open => {
                self.on_local(Signal::QuestionTimeout, &cause, sender);
            }
            Tick::Verb(number) => {
                if let Some(verb) = self.take_verb(*number) {
                    verb.finish(Err(self.about(cause.error(Ending::RequestTimeout))));
                }
            }
            Tick::Question(_) | Tick::Call => {}
        }
    }

    fn abandon_verbs(&mut self, error: &Error) {
        if self.is_suspended() {
            return; // their answers may come on the next link
        }
        for verb in std::mem::take(&mut self.verbs) {
            verb.finish(Err(self.about(error.clone())));
        }
    }
}
