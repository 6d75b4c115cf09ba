//! A turn that outlives its link: suspended, asked for on the next link, taken up, and the cancel
//! that waits for it (REQ-RESUME-01 to 09).

use std::sync::Arc;

use super::driver::{About, Driver};
use super::state::Step;
use super::verbs::Outstanding;
use crate::connection::Outgoing;
use crate::requests::{Cause, InFlight as _, Sender, Tick};
use crate::wire::actions::{self, Action as _};
use crate::wire::steps::{Facts, QuestionKind, Signal};

impl Driver {
    /// Writes the one `cancel` of the turn.
    pub(super) fn send_cancel(&mut self, sender: &mut Sender<'_>) {
        self.stop_handlers();
        if std::mem::replace(&mut self.cancelled, true) {
            return;
        }
        let cancel = actions::Cancel::new()
            .request_id(&self.key.id)
            .session_id(&self.session_id);
        self.resuming.cancel = Some(cancel.to_json());
        if !self.paused || sender.is_linked() {
            self.write_cancel(sender);
        }
    }

    /// Writes the cancel that waits, and starts its time.
    pub(super) fn write_cancel(&mut self, sender: &mut Sender<'_>) {
        if self.put_cancel(sender) {
            let limit = sender.limits().cancel;
            self.cancel = Some(sender.arm(limit, &self.key, Tick::Cancel));
        }
    }

    /// Queues the cancel that waits, where there is one. That of a turn that is over waits for a link
    /// no longer than the turn would have (REQ-RESUME-08).
    pub(super) fn put_cancel(&mut self, sender: &mut Sender<'_>) -> bool {
        let Some(text) = self.resuming.cancel.take() else {
            return false;
        };
        let limit = sender.limits().resume;
        let bound = !self.is_live() && !limit.is_zero();
        let until = bound.then(|| sender.now() + limit);
        let cancel = Outgoing::new(actions::Cancel::NAME, Some(&self.key.id), text);
        sender.put(Arc::new(cancel.until(until)));
        true
    }

    /// Asks for the events that are missing, and stops the turn where that was wanted meanwhile
    /// (REQ-RESUME-03).
    pub(super) fn ask_again(&mut self, sender: &mut Sender<'_>) {
        self.again_due = None;
        if !sender.is_linked() {
            return; // it is asked for on the next link
        }
        let last = self.resuming.last();
        let asked = actions::ResumeTurn::new(&self.session_id, &self.key.id, last);
        sender.send(actions::ResumeTurn::NAME, &self.key.id, asked.to_json());
        self.write_cancel(sender);
    }

    pub(super) fn wait(&mut self, about: &About<'_>, sender: &Sender<'_>) {
        let wait = self.resuming.wait(about.cause.arrived, sender.draw());
        self.again_due = Some(sender.arm(wait, &self.key, Tick::Again));
    }

    /// Writes the message, or an answer, once more.
    pub(super) fn repeat(&mut self, step: &Step, about: &About<'_>, sender: &mut Sender<'_>) {
        if step.question.is_none() {
            let again = self.frame.as_ref().map(|frame| Arc::new(frame.again()));
            self.frame = again.map(|frame| sender.put(frame));
            return;
        }
        let doubtful = |verb: &&mut Outstanding| Some(verb.number) == about.verb;
        if let Some(verb) = self.verbs.iter_mut().find(doubtful) {
            verb.unsure = false;
            if let Some(frame) = &verb.frame {
                frame.write(&self.key.id, sender);
            }
        }
    }

    /// The turn waits to be taken up: its clocks stand still.
    pub(super) fn suspend(&mut self, sender: &Sender<'_>) {
        let left = self.resuming.begin(sender.now());
        (self.idle, self.silent_since, self.again_due) = (None, None, None);
        for asked in &mut self.asked {
            asked.timer = None;
        }
        for verb in &mut self.verbs {
            verb.unsure |= verb.written && verb.verb.row().question.is_some();
            verb.timer = None;
        }
        self.resume = left.map(|left| sender.arm(left, &self.key, Tick::Resume));
    }

    /// The turn goes on: its clocks start anew, what was answered meanwhile is written.
    pub(super) fn resume(&mut self, about: &About<'_>, sender: &mut Sender<'_>) {
        (self.resume, self.again_due) = (None, None);
        self.resuming.go_on(about.cause.arrived, sender.now());
        sender.resumed();
        let open: Vec<QuestionKind> = self.state.open().collect();
        for kind in open {
            let limit = self.asked[kind as usize].limit(sender.limits().question);
            self.time_question(kind, limit, sender);
        }
        for verb in self.verbs.iter_mut().filter(|verb| !verb.written) {
            verb.written = true;
            if let Some(frame) = &verb.frame {
                frame.write(&self.key.id, sender);
            }
            verb.frame = verb.frame.take().filter(|frame| frame.named);
        }
        self.time_verbs(sender);
        self.listen(sender);
    }

    /// What became of the answers whose frames may be lost (REQ-RESUME-07).
    pub(super) fn catch_up(&mut self, sender: &mut Sender<'_>) {
        if !self.resuming.caught_up() {
            return;
        }
        let doubtful = self.verbs.iter().filter(|verb| verb.unsure);
        let doubtful: Vec<u64> = doubtful.map(|verb| verb.number).collect();
        for number in doubtful {
            let Some(verb) = self.verbs.iter().find(|verb| verb.number == number) else {
                continue;
            };
            let facts = Facts {
                turn: Some(self.state.turn()),
                verb: Some(verb.verb),
                named: Some(verb.frame.as_ref().is_some_and(|frame| frame.named)),
                ..Facts::default()
            };
            let about = About {
                signal: Signal::CaughtUp,
                cause: &Cause::default(),
                verb: Some(number),
                asked: self.state.open().next(),
            };
            let steps = self.state.step(Signal::CaughtUp, &facts);
            self.act(&steps, &about, sender);
        }
    }
}
