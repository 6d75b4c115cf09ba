//! Frames that wait for the link, in the order of the calls that caused them (REQ-CONN-16).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use crate::clock::Busy;
use crate::transport::Outgoing;

/// Hears of a frame when the socket takes it.
pub(crate) type Tap = Box<dyn FnOnce(&str) + Send>;

/// A frame on its way out.
pub(crate) struct Packet {
    pub(crate) text: String,
    /// Called when the socket takes the frame, and never when it is taken back before.
    pub(crate) tap: Option<Tap>,
    pub(crate) busy: Busy,
}

/// The queue between the callers and the driver of one link.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(u64, Packet)>,
    pushed: u64,
    /// The newest frame that the socket took, with the mark on the work of writing it.
    taken: u64,
    writing: Vec<Busy>,
    closing: Option<u16>,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame and returns its number. A closing link takes none.
    pub(crate) fn push(&self, packet: Packet) -> u64 {
        let mut queue = self.lock();
        queue.pushed += 1;
        let number = queue.pushed;
        if queue.closing.is_none() {
            queue.waiting.push_back((number, packet));
        }
        drop(queue);
        self.waker.wake();
        number
    }

    /// Takes a frame back; false when the socket has it already.
    pub(crate) fn take_back(&self, number: u64) -> bool {
        let mut queue = self.lock();
        let before = queue.waiting.len();
        queue.waiting.retain(|(other, _)| *other != number);
        queue.waiting.len() < before
    }

    /// Whether the socket took a frame.
    pub(crate) fn is_sent(&self, number: u64) -> bool {
        let queue = self.lock();
        number <= queue.taken
    }

    /// Asks the driver to write what waits and to close the link.
    pub(crate) fn close(&self, code: u16) {
        self.lock().closing.get_or_insert(code);
        self.waker.wake();
    }

    /// Waits until the close is asked for.
    pub(crate) async fn closing(&self) {
        poll_fn(|context| {
            self.watch(context);
            if self.asked().is_some() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl Outgoing for Outbox {
    fn watch(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    fn next(&self) -> Option<String> {
        let mut queue = self.lock();
        let (number, packet) = queue.waiting.pop_front()?;
        queue.taken = number;
        queue.writing.push(packet.busy);
        drop(queue);
        if let Some(tap) = packet.tap {
            tap(&packet.text);
        }
        Some(packet.text)
    }

    fn settled(&self) {
        let mut queue = self.lock();
        let marks: Vec<Busy> = queue
            .waiting
            .iter_mut()
            .map(|(_, packet)| std::mem::take(&mut packet.busy))
            .collect();
        let done = std::mem::take(&mut queue.writing);
        drop(queue);
        drop((marks, done)); // outside the lock
    }

    fn asked(&self) -> Option<u16> {
        self.lock().closing
    }
}
