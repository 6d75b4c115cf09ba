//! What one link has to write: the frames that it took from the outbox, and how it shall close.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use super::counters::Counts;
use super::outbox::Outgoing;
use crate::clock::Busy;
use crate::listeners::FrameTap;
use crate::transport::Frames;
use crate::wire::steps::Signal;

/// The queue between the connection and the driver of one link.
#[derive(Default)]
pub(crate) struct Writer {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
    tap: Option<Arc<FrameTap>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<Outgoing>>,
    /// Marks on the work of writing what the socket took last.
    writing: Vec<Busy>,
    closing: Option<u16>,
}

impl Writer {
    /// A writer whose frames are shown to a tap and counted.
    pub(super) fn shown(tap: Arc<FrameTap>, counts: Arc<Counts>) -> Self {
        Self {
            tap: Some(tap),
            counts,
            ..Self::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a frame, which is written when the socket has room for it.
    pub(super) fn take(&self, frame: Arc<Outgoing>) {
        self.lock().waiting.push_back(frame);
        self.waker.wake();
    }

    /// Asks the driver to write what waits and to close the link.
    pub(super) fn close(&self, code: u16) {
        self.lock().closing.get_or_insert(code);
        self.waker.wake();
    }

    /// The link ended by `word`. After a close of our own what waits is still written.
    pub(super) fn ended(&self, word: Signal) {
        let mut queue = self.lock();
        for frame in &queue.waiting {
            frame.on(word, false);
        }
        let dropped = match queue.closing {
            Some(_) => VecDeque::new(),
            None => std::mem::take(&mut queue.waiting),
        };
        drop(queue);
        drop(dropped); // outside the lock
    }

    /// Waits until the close is asked for.
    pub(super) async fn closing(&self) {
        poll_fn(|context| {
            self.watch(context);
            match self.asked() {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        })
        .await;
    }
}

impl Frames for Writer {
    fn watch(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    fn next(&self) -> Option<String> {
        let mut queue = self.lock();
        let frame = queue.waiting.pop_front()?;
        let (text, busy) = frame.hand_over();
        queue.writing.push(busy);
        drop(queue);
        self.counts.frame_out();
        if let Some(tap) = &self.tap {
            tap.sent(frame.action, frame.request_id.as_deref(), &text);
        }
        Some(text)
    }

    fn settled(&self) {
        let mut queue = self.lock();
        let marks: Vec<Busy> = queue.waiting.iter().map(|frame| frame.unmark()).collect();
        let done = std::mem::take(&mut queue.writing);
        drop(queue);
        drop((marks, done)); // outside the lock
    }

    fn asked(&self) -> Option<u16> {
        self.lock().closing
    }
}
