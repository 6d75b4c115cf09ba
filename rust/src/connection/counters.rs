//! What a client counts of its links and frames (REQ-LOG-03).

use std::sync::atomic::{AtomicU64, Ordering};

/// What a client has counted since it was made; see
/// [`SmoothAgentClient::counters`](crate::SmoothAgentClient::counters) (REQ-LOG-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Links that opened.
    pub connects: u64,
    /// Those of them that were found again after a loss.
    pub reconnects: u64,
    /// Messages that came, of any kind.
    pub frames_in: u64,
    /// Messages that were written.
    pub frames_out: u64,
    /// Messages that were no events, and were dropped (REQ-WIRE-04).
    pub dropped_frames: u64,
    /// Turns that have not settled.
    pub open_turns: u64,
    /// How often a suspended turn went on (REQ-RESUME-04).
    pub resumed_turns: u64,
}

/// The running counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    connects: AtomicU64,
    reconnects: AtomicU64,
    frames_in: AtomicU64,
    frames_out: AtomicU64,
    dropped: AtomicU64,
    resumed: AtomicU64,
}

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Ordering::Relaxed);
}

impl Counts {
    /// A link opened; it was lost before, or not.
    pub(super) fn opened(&self, again: bool) {
        add(&self.connects, 1);
        add(&self.reconnects, again.into());
    }

    /// Messages came.
    pub(super) fn frames_in(&self, number: usize) {
        add(&self.frames_in, number as u64);
    }

    /// A message was written.
    pub(super) fn frame_out(&self) {
        add(&self.frames_out, 1);
    }

    /// A message was no event.
    pub(super) fn dropped(&self) {
        add(&self.dropped, 1);
    }

    /// A suspended turn goes on.
    pub(super) fn resumed(&self) {
        add(&self.resumed, 1);
    }

    /// The counts now; of turns this room knows nothing.
    pub(super) fn read(&self) -> Counters {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counters {
            connects: of(&self.connects),
            reconnects: of(&self.reconnects),
            frames_in: of(&self.frames_in),
            frames_out: of(&self.frames_out),
            dropped_frames: of(&self.dropped),
            open_turns: 0,
            resumed_turns: of(&self.resumed),
        }
    }
}
