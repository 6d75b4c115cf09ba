//! Frames on their way out, in the order of the calls that caused them (REQ-CONN-16): the one place
//! that knows whether a frame may have left. It belongs to the connection and outlives a link.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::writer::Writer;
use crate::clock::Busy;
use crate::wire::steps::{FRAME, Facts, FrameEffect, FrameState, Signal, reads_only};

/// One frame on its way out: it steps through the machine `frame`.
pub(crate) struct Outgoing {
    pub(crate) action: &'static str,
    pub(crate) request_id: Option<String>,
    /// When it is too late to write it; never for none.
    until: Option<Duration>,
    inner: Mutex<Inner>,
}

struct Inner {
    state: FrameState,
    text: String,
    /// Whether the text is kept: the frame may be written once more.
    kept: bool,
    busy: Busy,
}

impl Outgoing {
    pub(crate) fn new(action: &'static str, request_id: Option<&str>, text: String) -> Self {
        Self {
            action,
            request_id: request_id.map(str::to_owned),
            until: None,
            inner: Mutex::new(Inner {
                state: FRAME.initial,
                text,
                kept: reads_only(action),
                busy: Busy::default(),
            }),
        }
    }

    /// The frame, whose text is kept to be written once more (REQ-RESUME-04).
    pub(crate) fn keeping(self) -> Self {
        self.lock().kept = true;
        self
    }

    /// The frame, which from a time of the client's clock on is not written any more (REQ-RESUME-08).
    pub(crate) fn until(self, until: Option<Duration>) -> Self {
        Self { until, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the frame may have left this machine: then it cannot be taken back.
    pub(crate) fn may_have_left(&self) -> bool {
        matches!(self.lock().state, FrameState::Writing | FrameState::Written)
    }

    /// Takes the frame back, if that is still possible.
    pub(crate) fn withdraw(&self) {
        self.on(Signal::Withdrawn, false);
    }

    /// The same frame to be written once more (REQ-CALL-13, REQ-RESUME-04); its text was kept.
    pub(crate) fn again(&self) -> Self {
        let text = self.lock().text.clone();
        Self::new(self.action, self.request_id.as_deref(), text).keeping()
    }

    /// Steps on what happened to the frame; says whether a link may take it now. `sought`: another
    /// link follows.
    pub(super) fn on(&self, word: Signal, sought: bool) -> bool {
        let mut inner = self.lock();
        let facts = Facts {
            sought: Some(sought),
            ..Facts::default()
        };
        let (next, effects) = FRAME.step(inner.state, word, &facts);
        inner.state = next;
        let mut offered = false;
        for effect in effects {
            match effect {
                FrameEffect::Offer => offered = true,
            }
        }
        offered
    }

    /// Whether the frame still waits for a link.
    fn waits(&self) -> bool {
        self.lock().state == FrameState::Queued
    }

    /// Marks that the link has work to do; the mark ends when the frame is out of our hands.
    pub(super) fn mark(&self, busy: Busy) {
        self.lock().busy = busy;
    }

    /// Takes the mark away, outside of any lock of the caller's.
    pub(super) fn unmark(&self) -> Busy {
        std::mem::take(&mut self.lock().busy)
    }

    /// Gives the text to the socket, which takes it whole. That of an action that may be repeated
    /// is kept.
    pub(super) fn hand_over(&self) -> (String, Busy) {
        self.on(Signal::Flushed, false);
        let mut inner = self.lock();
        let text = match inner.kept {
            true => inner.text.clone(),
            false => std::mem::take(&mut inner.text),
        };
        (text, std::mem::take(&mut inner.busy))
    }
}

impl fmt::Debug for Outgoing {
    /// Never the text (REQ-LOG-01).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("action", &self.action)
            .field("request_id", &self.request_id)
            .field("state", &self.lock().state)
            .finish_non_exhaustive()
    }
}

/// The frames that no link has taken yet. Each belongs to a call, verb or turn that waits, which
/// bounds their number. Kept under the lock of the books.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Arc<Outgoing>>,
    /// What waited for a new link, until what goes first has gone.
    later: VecDeque<Arc<Outgoing>>,
    link: Option<Arc<Writer>>,
}

impl Outbox {
    /// Queues a frame behind all others; a link that is ready takes it at once.
    pub(super) fn put(&mut self, frame: Arc<Outgoing>, busy: impl Fn() -> Busy) {
        self.queue.push_back(frame);
        if let Some(link) = self.link.clone() {
            self.ready(link, busy);
        }
    }

    /// A link is there. What waited for it goes on waiting for [`release`](Self::release).
    pub(super) fn attach(&mut self, link: Arc<Writer>) {
        self.later = std::mem::take(&mut self.queue);
        self.link = Some(link);
    }

    /// Offers what waited for the link.
    pub(super) fn release(&mut self, busy: impl Fn() -> Busy) {
        self.queue.append(&mut self.later);
        if let Some(link) = self.link.clone() {
            self.ready(link, busy);
        }
    }

    /// How many frames wait for a link.
    pub(super) fn waiting(&mut self, now: Duration) -> usize {
        self.drop_late(now);
        self.queue.len()
    }

    /// Keeps what still waits for a link and is not too late for it.
    pub(super) fn drop_late(&mut self, now: Duration) {
        self.queue.retain(|frame| {
            if frame.until.is_some_and(|it| it <= now) {
                frame.withdraw();
            }
            frame.waits()
        });
    }

    /// Offers all that waits to a link, which takes it: from then on it may have left.
    pub(super) fn ready(&mut self, link: Arc<Writer>, busy: impl Fn() -> Busy) {
        for frame in self.queue.drain(..) {
            if frame.on(Signal::LinkReady, false) {
                frame.on(Signal::Taken, false);
                frame.mark(busy());
                link.take(frame);
            }
        }
        self.link = Some(link);
    }

    /// The link or the attempt ended by `word`: the table knows what becomes of the frames. What it
    /// leaves where it is waits for the next link.
    pub(super) fn gone(&mut self, word: Signal, sought: bool) {
        if let Some(link) = self.link.take() {
            link.ended(word);
        }
        self.queue.retain(|frame| {
            frame.on(word, sought);
            frame.waits()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Busy, Duration, FrameState, Outbox, Outgoing, Signal};
    use crate::connection::writer::Writer;
    use crate::transport::Frames as _;

    fn frame(id: &str) -> Arc<Outgoing> {
        Arc::new(Outgoing::new("ping", Some(id), format!("{{{id}}}")))
    }

    #[test]
    fn req_conn_16_a_frame_that_was_withdrawn_while_it_waited_is_never_written() {
        let (mut outbox, link) = (Outbox::default(), Arc::new(Writer::default()));
        let (one, two) = (frame("1"), frame("2"));
        outbox.put(Arc::clone(&one), Busy::default);
        outbox.put(two, Busy::default);
        one.withdraw();
        outbox.ready(Arc::clone(&link), Busy::default);
        assert!(!one.may_have_left());
        assert_eq!(link.next().as_deref(), Some("{2}"));
        assert_eq!(link.next(), None);
    }

    #[test]
    fn req_conn_16_from_the_link_on_a_frame_may_have_left() {
        let (mut outbox, link) = (Outbox::default(), Arc::new(Writer::default()));
        let one = frame("1");
        outbox.put(Arc::clone(&one), Busy::default);
        assert!(!one.may_have_left());
        outbox.ready(Arc::clone(&link), Busy::default);
        one.withdraw();
        assert!(one.may_have_left());
        outbox.gone(Signal::Lost, true);
        assert_eq!(one.lock().state, FrameState::Written);
        assert_eq!(link.next(), None, "a link that is lost writes nothing more");
    }

    #[test]
    fn req_conn_15_what_no_link_took_is_dropped_with_the_last_attempt() {
        let (mut outbox, one) = (Outbox::default(), frame("1"));
        outbox.put(Arc::clone(&one), Busy::default);
        outbox.gone(Signal::ConnectFailed, false);
        assert_eq!(one.lock().state, FrameState::Dropped);
        assert!(outbox.queue.is_empty());
    }

    #[test]
    fn req_conn_15_what_waits_goes_on_waiting_while_another_link_is_sought() {
        let (mut outbox, one) = (Outbox::default(), frame("1"));
        outbox.put(Arc::clone(&one), Busy::default);
        outbox.gone(Signal::ConnectFailed, true);
        assert_eq!(outbox.waiting(Duration::ZERO), 1);
        one.withdraw();
        assert_eq!(
            outbox.waiting(Duration::ZERO),
            0,
            "what ended does not count (REQ-CONN-40)"
        );
    }

    #[test]
    fn req_resume_08_a_frame_that_is_too_late_takes_no_place_and_is_never_written() {
        let (mut outbox, until) = (Outbox::default(), Duration::from_millis(300));
        let cancel =
            Arc::new(Outgoing::new("cancel", Some("1"), "{1}".to_owned()).until(Some(until)));
        outbox.put(Arc::clone(&cancel), Busy::default);
        assert_eq!(outbox.waiting(until - Duration::from_millis(1)), 1);
        assert_eq!(outbox.waiting(until), 0);
        assert_eq!(cancel.lock().state, FrameState::Dropped);
    }

    #[test]
    fn req_call_13_a_read_is_written_again_before_what_was_called_later() {
        let (mut outbox, link) = (Outbox::default(), Arc::new(Writer::default()));
        let (one, two) = (frame("1"), frame("2"));
        outbox.put(Arc::clone(&one), Busy::default);
        outbox.ready(Arc::clone(&link), Busy::default);
        assert_eq!(link.next().as_deref(), Some("{1}"));
        outbox.gone(Signal::Lost, true);
        outbox.put(Arc::new(one.again()), Busy::default); // in the step that lost its link
        outbox.put(two, Busy::default);
        let next = Arc::new(Writer::default());
        outbox.ready(Arc::clone(&next), Busy::default);
        let left: Vec<_> = std::iter::from_fn(|| next.next()).collect();
        assert_eq!(left, ["{1}", "{2}"]);
    }
}
