//! Turns of a session behind each other, and messages that come a moment too early.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::driver::Driver;
use crate::clock::Timer;
use crate::observer::Seen;
use crate::options::{Options, TurnPolicy};
use crate::requests::{Arrived, InFlight as _, Sender, Tick};
use crate::wire::events::Event;
use crate::wire::options::{SLOT_GRACE, SLOT_PAUSE};
use crate::wire::steps::TurnState;

/// The code of a refusal that may pass.
const IN_PROGRESS: &str = "TURN_IN_PROGRESS";

/// The turns of one client that have no outcome, by their session (REQ-TURN-31).
pub(crate) struct TurnLine {
    serial: bool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Serial numbers of turns, in the order of their sends.
    open: HashMap<String, Vec<u64>>,
    /// When the terminal event of a turn came, for sessions where that is not long ago.
    ended: HashMap<String, Duration>,
}

impl From<&Options> for TurnLine {
    fn from(options: &Options) -> Self {
        Self {
            serial: options.turn_policy == TurnPolicy::Queue,
            known: Mutex::default(),
        }
    }
}

impl TurnLine {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a message; true where it waits for the turns before it.
    fn enter(&self, session_id: &str, serial: u64) -> bool {
        let mut known = self.lock();
        let line = known.open.entry(session_id.to_owned()).or_default();
        line.push(serial);
        self.serial && line.len() > 1
    }

    /// Takes note of a turn that runs already.
    pub(super) fn join(&self, session_id: &str, serial: u64) {
        self.enter(session_id, serial);
    }

    /// Takes note that a turn has its outcome; whose turn it is then, where turns wait for each
    /// other.
    fn over(&self, session_id: &str, serial: u64) -> Option<u64> {
        let mut known = self.lock();
        let line = known.open.get_mut(session_id)?;
        line.retain(|it| *it != serial);
        let first = line.first().copied();
        if first.is_none() {
            known.open.remove(session_id);
        }
        first.filter(|_| self.serial)
    }

    /// Takes note that the terminal event of a turn came.
    fn terminal(&self, session_id: &str, now: Duration) {
        let ended = &mut self.lock().ended;
        ended.retain(|_, at| is_recent(now, *at));
        ended.insert(session_id.to_owned(), now);
    }

    /// Whether a refused message came right after another turn (REQ-TURN-32).
    fn is_early(&self, session_id: &str, serial: u64, sent_at: Duration) -> bool {
        let known = self.lock();
        let alone = known.open.get(session_id).is_some_and(|it| *it == [serial]);
        let ended = known.ended.get(session_id);
        alone && ended.is_some_and(|at| is_recent(sent_at, *at))
    }
}

fn is_recent(now: Duration, at: Duration) -> bool {
    now.saturating_sub(at) < SLOT_GRACE
}

/// Where a turn stands in the line of its session.
pub(super) struct Standing {
    line: Arc<TurnLine>,
    /// Whether its message waits for the turns before it.
    waits: bool,
    /// Whose turn it is after this one, until the books know of it.
    next: Option<u64>,
    sent_at: Duration,
    /// Whether its message came too early once.
    retried: bool,
    /// Runs until a message that came too early is sent again.
    slot: Option<Timer>,
}

impl Standing {
    pub(super) fn new(line: Arc<TurnLine>) -> Self {
        Self {
            line,
            waits: false,
            next: None,
            sent_at: Duration::ZERO,
            retried: false,
            slot: None,
        }
    }

    /// Whether the message has not gone out, or not under the id that it will have.
    pub(super) fn is_unsent(&self) -> bool {
        self.waits || self.is_paused()
    }

    /// Whether what comes with the id of the turn is nothing.
    pub(super) fn is_paused(&self) -> bool {
        self.slot.is_some()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waits
    }

    pub(super) fn next(&mut self) -> Option<u64> {
        self.next.take()
    }
}

impl Driver {
    /// Takes its place in the line; true where its message may go out now.
    pub(super) fn enter_line(&mut self) -> bool {
        let waits = self.standing.line.enter(&self.session_id, self.key.serial);
        self.standing.waits = waits;
        !waits
    }

    /// Queues the message and starts the clocks, unless it waits for the turns before it; then only
    /// the limit of the turn as a whole runs.
    pub(crate) fn begin_in_line(&mut self, sender: &mut Sender<'_>) {
        if !self.standing.waits {
            return self.start(sender);
        }
        sender.seen(|| Seen::TurnStarted(self.key.id.clone(), self.session_id.clone()));
        self.time_whole(sender);
    }

    /// The turns before this one have their outcomes: its message goes out.
    pub(super) fn leave_wait(&mut self, sender: &mut Sender<'_>) {
        self.standing.waits = false;
        self.go_out(sender);
    }

    /// Notes when the message goes out.
    pub(super) fn goes_out(&mut self, sender: &Sender<'_>) {
        self.standing.sent_at = sender.now();
    }

    /// Takes note that the turn has its outcome.
    pub(super) fn leave_line(&mut self) {
        self.standing.slot = None;
        let line = &self.standing.line;
        self.standing.next = line.over(&self.session_id, self.key.serial);
    }

    /// Takes note that the terminal event of the turn came.
    pub(super) fn told_end(&self, sender: &Sender<'_>) {
        self.standing.line.terminal(&self.session_id, sender.now());
    }

    /// Takes the refusal of a message that may pass: it is sent again, once, after a pause, until
    /// when what comes with its id is nothing (REQ-TURN-32).
    pub(super) fn too_early(&mut self, arrived: &Arrived<'_>, sender: &Sender<'_>) -> bool {
        if self.standing.is_paused() {
            return true;
        }
        let refused = matches!(arrived.event, Event::Error(it) if it.code() == IN_PROGRESS);
        let Standing {
            line,
            sent_at,
            retried,
            ..
        } = &self.standing;
        let early = refused
            && !retried
            && self.message.is_some()
            && self.state.turn() == TurnState::Sent
            && line.is_early(&self.session_id, self.key.serial, *sent_at);
        if early {
            self.standing.retried = true;
            self.standing.slot = Some(sender.arm(SLOT_PAUSE, &self.key, Tick::Slot));
        }
        early
    }

    /// Sends the message again that came too early.
    pub(super) fn retry(&mut self, sender: &mut Sender<'_>) {
        self.standing.slot = None;
        if self.is_open() && self.renew(sender) {
            self.go_out(sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, SLOT_GRACE, TurnLine};

    fn line(serial: bool) -> TurnLine {
        TurnLine {
            serial,
            known: super::Mutex::default(),
        }
    }

    #[test]
    fn req_turn_31_the_turns_of_a_session_follow_each_other_and_nothing_is_kept_of_them() {
        let line = line(true);
        assert_eq!([1, 2, 3].map(|it| line.enter("s", it)), [false, true, true]);
        assert!(!line.enter("elsewhere", 4));
        assert_eq!(line.over("s", 2), Some(1), "it was given up");
        assert_eq!(line.over("s", 1), Some(3));
        assert_eq!(line.over("s", 1), Some(3), "told again");
        assert_eq!((line.over("s", 3), line.over("elsewhere", 4)), (None, None));
        assert!(line.lock().open.is_empty());
    }

    #[test]
    fn req_turn_31_without_the_policy_nothing_waits_or_follows() {
        let line = line(false);
        assert!(!line.enter("s", 1) && !line.enter("s", 2));
        assert_eq!(line.over("s", 1), None);
    }

    #[test]
    fn req_turn_32_a_message_is_early_alone_and_within_the_time_of_grace() {
        let (line, at) = (line(false), Duration::from_secs(60));
        line.enter("s", 2);
        assert!(!line.is_early("s", 2, at), "nothing ended");
        line.terminal("s", at);
        assert!(line.is_early("s", 2, at + SLOT_GRACE - Duration::from_millis(1)));
        assert!(!line.is_early("s", 2, at + SLOT_GRACE));
        line.terminal("elsewhere", at + SLOT_GRACE);
        assert_eq!(line.lock().ended.len(), 1, "what is long ago is forgotten");
        line.terminal("s", at);
        line.join("s", 3);
        assert!(!line.is_early("s", 2, at), "another turn runs");
    }
}
