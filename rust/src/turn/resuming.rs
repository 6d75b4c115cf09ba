//! What a turn of a replay session has beside its machines (REQ-RESUME-01): the numbers of its
//! events, how much time is left to take it up, and the cancel that waits. Pure: opens nothing,
//! waits for nothing, reads no clock.

use std::time::Duration;

use crate::connection::Backoff;
use crate::options::Seeking;
use crate::requests::{Arrived, Quiet};
use crate::wire::enums::ResumeState;
use crate::wire::events::{Event as Wire, EventType};
use crate::wire::steps::{
    Event, Facts, SEQUENCE, Seq, SequenceEffect, SequenceState, Signal, TurnState,
};

/// The shortest time that an old question or a spent turn still has.
const AT_LEAST: Duration = Duration::from_millis(1);

/// Where the numbers of one turn stand.
pub(super) struct Resuming {
    /// Whether the turn outlives its link.
    pub(super) replays: bool,
    /// Whether another client sent the message.
    taken_up: bool,
    sequence: SequenceState,
    /// The newest number that was taken; 0 for none.
    last: i64,
    /// The newest number that the server had when the turn went on, until it has come.
    goal: Option<i64>,
    /// When the server said so, by its own time.
    told_at: Option<i64>,
    /// `resumeTimeout`, and what of it is left; none when it is off.
    full: Option<Duration>,
    left: Option<Duration>,
    /// When the turn was suspended.
    since: Duration,
    /// Waits after refusals that may pass.
    refusals: Backoff,
    /// A cancel that goes out behind the next `resume_turn`.
    pub(super) cancel: Option<String>,
}

impl Resuming {
    pub(super) fn new(replays: bool, taken_up: bool, limit: Duration, seeking: &Seeking) -> Self {
        let full = (!limit.is_zero()).then_some(limit);
        Self {
            replays,
            taken_up,
            sequence: SEQUENCE.initial,
            last: 0,
            goal: None,
            told_at: None,
            full,
            left: full,
            since: Duration::ZERO,
            refusals: Backoff::new(seeking.backoff_base, seeking.backoff_max),
            cancel: None,
        }
    }

    /// The same for a message that was never sent.
    pub(super) fn fresh(&self) -> Self {
        let mut refusals = self.refusals.clone();
        refusals.reset();
        Self {
            replays: self.replays,
            taken_up: false,
            sequence: SEQUENCE.initial,
            last: 0,
            goal: None,
            told_at: None,
            full: self.full,
            left: self.full,
            since: Duration::ZERO,
            refusals,
            cancel: None,
        }
    }

    /// Whether events of the past are still to come.
    pub(super) fn is_behind(&self) -> bool {
        self.goal.is_some()
    }

    /// The newest number that the turn has.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// What a frame is to the machines of its turn (REQ-RESUME-06).
    pub(super) fn takes(&mut self, arrived: &Arrived<'_>, turn: TurnState) -> Signal {
        let signal = arrived.turn_signal();
        if !self.replays || turn == TurnState::Settled {
            return signal;
        }
        match arrived.event_type() {
            EventType::TurnResumed if arrived.broken.is_some() => return Signal::Broken,
            EventType::TurnResumed | EventType::Keepalive => return signal,
            _ => {}
        }
        let seq = arrived.seq();
        let facts = Facts {
            turn: Some(turn),
            seq: Some(self.place(seq)),
            ..Facts::default()
        };
        let (next, effects) = SEQUENCE.step(self.sequence, signal, &facts);
        self.sequence = next;
        if let Some(SequenceEffect::Take(event)) = effects.first() {
            return match event {
                Event::ResumeRefused => Signal::ResumeRefused,
                Event::Repeated => Signal::Repeated,
                Event::OutOfOrder => Signal::OutOfOrder,
                Event::Gap => Signal::Gap,
            };
        }
        if let Some(seq) = seq {
            self.took(seq);
        }
        signal
    }

    /// Takes note of the newest number.
    pub(super) fn took(&mut self, seq: i64) {
        (self.last, self.left) = (seq, self.full);
    }

    /// Which frames need no look at their numbers one by one: those that follow each other and do
    /// not lead to the present.
    pub(super) fn quiet(&self) -> Quiet {
        if !self.replays {
            Quiet::Always
        } else if self.sequence == SEQUENCE.initial {
            Quiet::Numbered(self.last + 1..self.goal.unwrap_or(i64::MAX))
        } else {
            Quiet::Never
        }
    }

    fn place(&self, seq: Option<i64>) -> Seq {
        match seq {
            None => Seq::None,
            Some(seq) if seq <= self.last => Seq::Old,
            Some(seq) if seq == self.last + 1 => Seq::Next,
            Some(_) => Seq::Gap,
        }
    }

    /// What `turn_resumed` says of the turn: its word, and `gone` for less than the turn has
    /// (REQ-RESUME-04).
    pub(super) fn state_of<'a>(&self, arrived: &Arrived<'a>) -> Option<&'a str> {
        let Wire::TurnResumed(told) = arrived.event else {
            return None;
        };
        let goes_on = matches!(told.state(), ResumeState::Running | ResumeState::Settled);
        match goes_on && told.last_seq() < self.last {
            true => Some("gone"),
            false => self.replays.then(|| told.state().as_str()),
        }
    }

    /// Whether the message can be sent as if it had never been.
    pub(super) fn unseen(&self) -> bool {
        self.last == 0 && !self.taken_up
    }

    /// The turn is suspended; returns how long it may be.
    pub(super) fn begin(&mut self, now: Duration) -> Option<Duration> {
        (self.since, self.goal) = (now, None);
        self.left
    }

    /// The turn goes on.
    pub(super) fn go_on(&mut self, arrived: Option<&Arrived<'_>>, now: Duration) {
        let spent = now.saturating_sub(self.since);
        self.left = self
            .left
            .map(|left| left.saturating_sub(spent).max(AT_LEAST));
        self.refusals.reset();
        if let Some(Wire::TurnResumed(told)) = arrived.map(|it| it.event) {
            (self.goal, self.told_at) = (Some(told.last_seq()), told.timestamp());
        }
    }

    /// Whether the turn has caught up just now; true once (REQ-RESUME-07).
    pub(super) fn caught_up(&mut self) -> bool {
        let there = self.goal.is_some_and(|goal| self.last >= goal);
        if there {
            self.goal = None;
        }
        there
    }

    /// The wait before `resume_turn` is written once more (REQ-RESUME-05).
    pub(super) fn wait(&mut self, arrived: Option<&Arrived<'_>>, draw: f64) -> Duration {
        let hint = match arrived.map(|it| it.event) {
            Some(Wire::Error(event)) => event.retry_after_ms(),
            _ => None,
        };
        let hint = hint.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default()));
        self.refusals.delay(draw, 0, hint)
    }

    /// What is left of the time of a question that was asked by a frame of the past
    /// (REQ-RESUME-10).
    pub(super) fn rest(&self, limit: Duration, asked_at: Option<i64>) -> Duration {
        let (Some(_), Some(told), Some(asked)) = (self.goal, self.told_at, asked_at) else {
            return limit;
        };
        let age = u64::try_from(told.saturating_sub(asked)).unwrap_or_default();
        limit
            .saturating_sub(Duration::from_millis(age))
            .max(AT_LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Quiet, Resuming, Seeking, SequenceState};

    fn resuming(replays: bool) -> Resuming {
        Resuming::new(replays, false, Duration::from_secs(60), &Seeking::default())
    }

    #[test]
    fn req_resume_06_frames_need_no_look_until_a_gap_or_the_present() {
        assert_eq!(resuming(false).quiet(), Quiet::Always);
        let mut replaying = resuming(true);
        assert_eq!(replaying.quiet(), Quiet::Numbered(1..i64::MAX));
        replaying.took(4);
        replaying.goal = Some(9);
        assert_eq!(replaying.quiet(), Quiet::Numbered(5..9), "9 is the present");
        replaying.sequence = SequenceState::Gapped;
        assert_eq!(replaying.quiet(), Quiet::Never);
    }
}
