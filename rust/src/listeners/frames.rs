//! Shows frames to the log and to the taps, both ways (REQ-LOG-02).

use std::sync::Arc;

use super::{Direction, Dispatcher, FrameInfo, Notice};
use crate::logging::{Level, LogRecord, redacted};
use crate::options::Options;
use crate::wire::actions::ACTION_SECRETS;
use crate::wire::events::EVENT_SECRETS;

/// Where frames are shown.
pub(crate) struct FrameTap {
    options: Arc<Options>,
    listeners: Arc<Dispatcher>,
}

impl FrameTap {
    pub(crate) fn new(options: Arc<Options>, listeners: Arc<Dispatcher>) -> Self {
        Self { options, listeners }
    }

    /// Whether anybody wants to see frames.
    pub(crate) fn is_watched(&self) -> bool {
        self.listeners.taps().is_some() || self.listeners.logs()
    }

    /// A frame went out.
    pub(crate) fn sent(&self, action: &str, id: Option<&str>, text: &str) {
        self.show(Direction::Out, Some(action), id, text);
    }

    /// A frame came; none for the type of what is no event.
    pub(crate) fn came(&self, wire_type: Option<&str>, id: Option<&str>, text: &str) {
        self.show(Direction::In, wire_type, id, text);
    }

    fn show(&self, direction: Direction, word: Option<&str>, id: Option<&str>, text: &str) {
        if self.listeners.logs() {
            let (way, secrets) = match direction {
                Direction::In => ("in", EVENT_SECRETS),
                Direction::Out => ("out", ACTION_SECRETS),
            };
            let (word, bytes) = (word.unwrap_or("malformed"), text.len());
            let said = format!("{way} {word}, {bytes} bytes");
            let mut record = LogRecord::new(Level::Debug, said).about(id);
            let payload = || redacted(secrets, word, text);
            record.payload = self.options.log_payloads.then(payload);
            self.listeners.push(Notice::Log(record));
        }
        if let Some(wants_text) = self.listeners.taps() {
            self.listeners.push(Notice::Frame(FrameInfo {
                direction,
                wire_type: word.map(str::to_owned),
                request_id: id.map(str::to_owned),
                bytes: text.len(),
                at: self.options.clock.now(),
                text: wants_text.then(|| text.into()),
            }));
        }
    }
}
