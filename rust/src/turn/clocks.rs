//! The clocks of one turn: of the turn as a whole, of its silence, and of its questions.

use std::time::Duration;

use super::driver::Driver;
use crate::requests::{Cause, InFlight as _, Sender, Tick};
use crate::wire::steps::{QuestionKind, Signal};

impl Driver {
    /// The turn begins, and the clock of it as a whole.
    pub(super) fn time_whole(&mut self, sender: &Sender<'_>) {
        self.since = sender.now();
        let total = sender.limits().turn;
        if !total.is_zero() {
            self.total = Some(sender.arm(total, &self.key, Tick::Total));
        }
    }

    /// Starts the idle clock anew unless a question is open, or the message waits for its turn.
    pub(super) fn listen(&mut self, sender: &Sender<'_>) {
        let limit = sender.limits().turn_idle;
        let asking = self.state.open().next().is_some();
        let waits = self.is_suspended() || self.is_waiting();
        if limit.is_zero() || asking || !self.is_live() || waits {
            return;
        }
        if self.silent_since.is_some() && self.idle.is_some() {
            return; // it runs, and every frame moves its start
        }
        self.silent_since = Some(sender.now());
        self.idle = Some(sender.arm(limit, &self.key, Tick::Idle));
    }

    /// The turn may have been silent for too long.
    pub(super) fn on_idle(&mut self, sender: &mut Sender<'_>) {
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

    /// The time of a question runs.
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
}
