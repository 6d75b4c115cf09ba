//! The desk at which the rooms that decide ask for frames, timers and records.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::hub::{Hub, Link};
use super::listeners::{Direction, FrameNote, Notice};
use crate::clock::{Busy, Timer};
use crate::connection::Packet;
use crate::logging::{Level, LogRecord, redacted};
use crate::options::Limits;
use crate::requests::{Cause, Desk, Key, Tick};
use crate::wire::actions::ACTION_SECRETS;
use crate::wire::events::EVENT_SECRETS;
use crate::wire::machine::{ConnectionState, Signal};

/// The desk of the rooms that decide, while the books are open.
pub(super) struct Counter<'a> {
    pub(super) hub: &'a Hub,
    pub(super) link: &'a mut Link,
}

impl Desk for Counter<'_> {
    fn now(&self) -> Duration {
        self.link.now.unwrap_or_else(|| self.hub.now())
    }

    fn limits(&self) -> &Limits {
        &self.hub.options.limits
    }

    fn arm(&self, delay: Duration, key: &Key, tick: Tick) -> Timer {
        let (me, key) = (self.hub.me.clone(), key.clone());
        let _runtime = self.link.runtime.as_ref().map(Handle::enter);
        self.hub.options.clock.schedule(
            delay,
            Box::new(move || {
                if let Some(hub) = me.upgrade() {
                    hub.on_tick(&key, &tick);
                }
            }),
        )
    }

    fn send(&mut self, name: &'static str, request_id: Option<&str>, text: String) -> u64 {
        let packet = self.hub.packet(self.link, name, request_id, text, None);
        self.link
            .outbox
            .as_ref()
            .map_or(0, |outbox| outbox.push(packet))
    }

    fn take_back(&mut self, packet: u64) -> bool {
        self.link
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.take_back(packet))
    }

    fn waits_for_link(&self) -> bool {
        self.link.state == ConnectionState::Connecting
    }

    fn is_sent(&self, packet: u64) -> bool {
        self.link
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.is_sent(packet))
    }

    fn warn(&mut self, message: String, request_id: Option<&str>) {
        self.hub.warn(self.link, message, request_id);
    }
}

impl Hub {
    pub(super) fn packet(
        &self,
        link: &Link,
        name: &'static str,
        id: Option<&str>,
        text: String,
        written: Option<oneshot::Sender<()>>,
    ) -> Packet {
        let open = link.state == ConnectionState::Open;
        let busy = if open {
            self.options.clock.busy()
        } else {
            Busy::default()
        };
        let tapped = self.dispatcher.taps().is_some() || self.dispatcher.logs();
        if !tapped && written.is_none() {
            return Packet {
                text,
                tap: None,
                busy,
            };
        }
        let (me, id) = (self.me.clone(), id.map(str::to_owned));
        let runtime = link.runtime.clone();
        let tap = move |text: &str| {
            if let Some(hub) = me.upgrade() {
                hub.note(
                    Direction::Out,
                    Some(name),
                    id.as_deref(),
                    text,
                    text.len(),
                    runtime.as_ref(),
                );
            }
            if let Some(written) = written {
                let _ = written.send(());
            }
        };
        Packet {
            text,
            tap: Some(Box::new(tap)),
            busy,
        }
    }

    /// Tells taps and log of a frame.
    pub(super) fn note(
        &self,
        direction: Direction,
        wire_type: Option<&str>,
        id: Option<&str>,
        text: &str,
        bytes: usize,
        runtime: Option<&Handle>,
    ) {
        if self.dispatcher.logs() {
            let way = if direction == Direction::In {
                "in"
            } else {
                "out"
            };
            let word = wire_type.unwrap_or("malformed");
            let mut record =
                LogRecord::new(Level::Debug, format!("{way} {word}, {bytes} bytes")).about(id);
            let secrets = if direction == Direction::In {
                EVENT_SECRETS
            } else {
                ACTION_SECRETS
            };
            record.payload = self
                .options
                .log_payloads
                .then(|| redacted(secrets, word, text));
            self.dispatcher
                .push(Notice::Log(record), self.options.clock.busy(), runtime);
        }
        if let Some(wants_text) = self.dispatcher.taps() {
            let note = FrameNote {
                direction,
                wire_type: wire_type.map(str::to_owned),
                request_id: id.map(str::to_owned),
                bytes,
                at: self.now(),
                text: wants_text.then(|| text.into()),
            };
            self.dispatcher
                .push(Notice::Frame(note), self.options.clock.busy(), runtime);
        }
    }

    pub(super) fn warn(&self, link: &Link, message: String, id: Option<&str>) {
        self.notify(
            link,
            Notice::Log(LogRecord::new(Level::Warning, message).about(id)),
        );
    }

    pub(super) fn on_tick(&self, key: &Key, tick: &Tick) {
        let mut books = self.lock();
        if *tick == Tick::Call {
            let Some(packet) = books.requests.packet(key) else {
                return;
            };
            Counter {
                hub: self,
                link: &mut books.link,
            }
            .take_back(packet);
            books
                .requests
                .fail(&key.id, Signal::RequestTimeout, &Cause::default());
        } else {
            self.with_turn(&mut books, key.serial, |turn, desk| {
                turn.on_tick(tick, desk)
            });
        }
    }
}
