//! Drives one turn: steps its machines and does what their effects say.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::cell::{Cell, Settled};
use super::ending::lost;
use super::handling::Handling;
use super::line::{Standing, TurnLine};
use super::owner::Books;
use super::questions::{Asked, Question};
use super::result::TurnResult;
use super::resuming::Resuming;
use super::state::{State, Step};
use super::verbs::Outstanding;
use crate::clock::Timer;
use crate::connection::Outgoing;
use crate::errors::Error;
use crate::observer::Seen;
use crate::requests::{Arrived, Cause, InFlight, Key, Quiet, Router, Sender, Tick};
use crate::wire::actions::{Action as _, SendMessage};
use crate::wire::errors::{Leaf, code_row};
use crate::wire::options::OUTBOUND_BYTES;
use crate::wire::steps::{
    Action, Ending, Facts, QUESTIONS, QuestionKind, QuestionState, Signal, TurnEffect, TurnState,
    answering,
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
    pub(super) since: Duration,
    /// How long after that the first token came.
    pub(super) first_token: Option<Duration>,
    /// Whether the one `cancel` of the turn was written.
    pub(super) cancelled: bool,
    pub(super) asked: [Asked; QUESTIONS],
    pub(super) verbs: Vec<Outstanding>,
    pub(super) verbs_drawn: u64,
    /// Since when the turn has been silent; none while a human is asked (REQ-TURN-11).
    pub(super) silent_since: Option<Duration>,
    pub(super) idle: Option<Timer>,
    pub(super) total: Option<Timer>,
    pub(super) cancel: Option<Timer>,
    pub(super) resume: Option<Timer>,
    pub(super) again_due: Option<Timer>,
    pub(super) resuming: Resuming,
    /// The books that the turn is in.
    pub(super) home: Weak<Books>,
    /// What is known of its handlers, once it was asked something.
    pub(super) handling: Option<Box<Handling>>,
    /// The message, as long as it may be sent again (REQ-ASK-11, REQ-TURN-32); none for a turn that
    /// began elsewhere.
    pub(super) message: Option<SendMessage>,
    /// Whether it may be sent again after a code.
    pub(super) resends: bool,
    pub(super) standing: Standing,
    /// The result that came while a handler is to give a code.
    pub(super) held: Option<Box<TurnResult>>,
    /// The id that the turn had before, until the books know of it.
    pub(super) moved: Option<String>,
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
    pub(super) fn new(
        key: Key,
        session_id: String,
        cell: Arc<Cell>,
        resuming: Resuming,
        home: Weak<Books>,
        line: Arc<TurnLine>,
    ) -> Self {
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
            again_due: None,
            resuming,
            home,
            handling: None,
            message: None,
            resends: false,
            standing: Standing::new(line),
            held: None,
            moved: None,
            paused: false,
        }
    }

    /// Queues the message and starts the clocks; whatever hinders it settles the turn
    /// (REQ-TURN-01).
    pub(super) fn start(&mut self, sender: &mut Sender<'_>) {
        if self.queue(sender) {
            sender.seen(|| Seen::TurnStarted(self.key.id.clone(), self.session_id.clone()));
            self.begin(sender);
        }
    }

    /// Queues the message of a turn that has begun, which is silent from now on.
    pub(super) fn go_out(&mut self, sender: &mut Sender<'_>) {
        self.silent_since = None;
        if self.queue(sender) {
            self.listen(sender);
        }
    }

    /// Queues the message; false where something hinders it, and the turn has settled by that.
    fn queue(&mut self, sender: &mut Sender<'_>) -> bool {
        let Some(text) = self.message.as_mut().map(|it| {
            it.set_request_id(self.key.id.clone());
            it.to_json()
        }) else {
            return false;
        };
        let action = SendMessage::NAME;
        self.goes_out(sender);
        if text.len() > OUTBOUND_BYTES {
            let cause = Cause::too_large(text.len());
            self.on_local(Signal::TooLarge, &cause, sender);
            return false;
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
                return true;
            }
        }
        false
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
        if self.is_open() && !self.detached {
            self.halt(sender);
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

    pub(super) fn may_have_left(&self) -> bool {
        !self.standing.is_unsent() && self.frame.as_ref().is_none_or(|it| it.may_have_left())
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
        facts.asked_before =
            Some(self.resuming.is_behind() && self.state.open().take(2).count() == 1);
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
        if self.is_live() {
            self.cell.set(self.state.turn());
        }
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
                TurnEffect::Reopen => self.reopened(step, about, sender),
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
        let error = self.about(error);
        if let (true, Some(kind), Some(handling)) = (
            verb.by_handler,
            verb.verb.row().question,
            &mut self.handling,
        ) {
            handling.refused(kind, error.clone());
        }
        verb.finish(Err(error));
    }

    fn take_verb(&mut self, number: u64) -> Option<Outstanding> {
        let at = self.verbs.iter().position(|verb| verb.number == number)?;
        Some(self.verbs.remove(at))
    }

    // --- questions

    fn opened(&mut self, step: &Step, about: &About<'_>, sender: &Sender<'_>) {
        if let (Some(kind), Some(arrived)) = (step.question, about.cause.arrived) {
            let asked = &mut self.asked[kind as usize];
            let fresh = asked.event.is_none();
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
            self.handle(kind, arrived.event, fresh);
        }
    }

    fn reopened(&mut self, step: &Step, about: &About<'_>, sender: &Sender<'_>) {
        self.ask(step, sender);
        if let (Some(kind), Some(arrived)) = (step.question, about.cause.arrived) {
            self.handle_again(kind, arrived.event);
        }
    }

    /// A question is open: its clock runs, the idle clock stands still.
    fn ask(&mut self, step: &Step, sender: &Sender<'_>) {
        let Some(kind) = step.question else { return };
        self.silent_since = None;
        let limit = self.asked[kind as usize].limit(sender.limits().question);
        self.time_question(kind, limit, sender);
    }

    fn shut(&mut self, step: &Step, sender: &Sender<'_>) {
        if let Some(kind) = step.question {
            self.handled(kind);
            self.asked[kind as usize].shut();
            self.listen(sender);
        }
    }

    /// A question was answered: its clock stops and the idle clock starts anew.
    pub(super) fn answered(&mut self, kind: QuestionKind, sender: &Sender<'_>) {
        self.asked[kind as usize].timer = None;
        self.handled(kind);
        self.listen(sender);
    }

    /// Steps by what happened here; what the handlers make of it is for who calls this.
    pub(super) fn step_local(
        &mut self,
        signal: Signal,
        cause: &Cause<'_>,
        sender: &mut Sender<'_>,
    ) {
        self.paused = self.is_suspended();
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
}

impl InFlight for Driver {
    type Shown = Cell;
    type Line = TurnLine;

    fn accepted(key: Key, session_id: String, router: &Router<Self>) -> Self {
        let options = &router.options;
        let handlers = Arc::clone(&options.handlers);
        let cell = Arc::new(Cell::new(Arc::clone(&options.place), handlers));
        let resuming = Resuming::new(false, true, options.limits.resume, &options.seeking);
        let (home, line) = (router.me.clone(), Arc::clone(&router.line));
        line.join(&session_id, key.serial);
        let mut turn = Self::new(key, session_id, cell, resuming, home, line);
        turn.state.accept();
        turn.cell.set(turn.state.turn());
        turn
    }

    fn enters(&mut self) -> bool {
        self.enter_line()
    }

    fn begin(&mut self, sender: &mut Sender<'_>) {
        self.time_whole(sender);
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

    fn is_open(&self) -> bool {
        self.is_live() || self.is_held()
    }

    fn moved(&mut self) -> Option<String> {
        self.moved.take()
    }

    fn next(&mut self) -> Option<u64> {
        self.standing.next()
    }

    fn is_waiting(&self) -> bool {
        self.standing.is_waiting()
    }

    fn come_up(&mut self, sender: &mut Sender<'_>) {
        self.leave_wait(sender);
    }

    fn is_over(&self) -> bool {
        !self.is_open() && self.verbs.is_empty() && !self.state.outlived()
    }

    fn quiet(&self, signal: Signal) -> Quiet {
        let first = self.first_token.is_none() && signal == Signal::StreamToken;
        let plain = self.verbs.is_empty() && !self.standing.is_paused() && !first;
        match plain && self.state.is_quiet(signal) {
            true => self.resuming.quiet(),
            false => Quiet::Never,
        }
    }

    fn heard(&mut self, now: Duration, newest: Option<i64>) {
        if self.silent_since.is_some() {
            self.silent_since = Some(now);
        }
        if let Some(seq) = newest {
            self.resuming.took(seq);
        }
    }

    fn on_frame(&mut self, arrived: &Arrived<'_>, sender: &mut Sender<'_>) {
        if self.too_early(arrived, sender) {
            return;
        }
        let (now, was_live) = (sender.now(), self.is_live());
        self.paused = self.is_suspended();
        let signal = self.resuming.takes(arrived, self.state.turn());
        let (facts, verb) = self.facts(signal, arrived, now);
        self.heard(now, None);
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
        if signal == Signal::OtpVerified && self.is_held() {
            self.send_again(sender);
        } else if was_live && !self.is_live() {
            self.told_end(sender);
        }
        self.run(sender);
    }

    fn on_local(&mut self, signal: Signal, cause: &Cause<'_>, sender: &mut Sender<'_>) {
        self.step_local(signal, cause, sender);
        let over = matches!(signal, Signal::QuestionTimeout | Signal::TotalTimeout);
        if over && self.is_held() {
            self.stop_handlers();
        }
        self.run(sender);
    }

    fn on_link(
        &mut self,
        signal: Signal,
        cause: &Cause<'_>,
        verbs: &Error,
        sender: &mut Sender<'_>,
    ) {
        self.again_due = None; // the next link asks
        self.step_local(signal, cause, sender);
        if !self.is_suspended() {
            // else their answers may come on the next link
            for verb in std::mem::take(&mut self.verbs) {
                verb.finish(Err(self.about(verbs.clone())));
            }
        }
        self.run(sender);
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
                    self.run(sender);
                }
            }
            Tick::Slot => self.retry(sender),
            Tick::Unseen(kind) => self.look(*kind, sender),
            Tick::Handler(number) => self.handler_late(*number, sender),
            Tick::Question(_) | Tick::Call | Tick::Inquiry => {}
        }
    }
}
