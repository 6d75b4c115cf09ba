//! How calls start and how their waits are given up.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::desk::Counter;
use super::hub::Hub;
use crate::errors::{Draft, Error};
use crate::options::MAX_OUTBOUND_BYTES;
use crate::requests::{Desk, Expects, Key, Tick, Waiting};
use crate::turn::verbs::too_large;
use crate::wire::events::Event;
use crate::wire::mend::last_string;

/// What a new call needs.
pub(crate) struct NewCall {
    pub(crate) name: &'static str,
    pub(crate) id: Option<String>,
    /// Whether the id may be one that is known already: a verb carries its turn's.
    pub(crate) shares_id: bool,
    pub(crate) expects: Expects,
    pub(crate) session_id: Option<String>,
}

impl Hub {
    /// Starts a call. Its frame is queued when this returns.
    pub(crate) fn start_call(
        &self,
        call: NewCall,
        frame: impl FnOnce(&str) -> String,
    ) -> (Key, oneshot::Receiver<Result<Event, Error>>) {
        let (done, answer) = oneshot::channel();
        let mut books = self.lock();
        books.serial += 1;
        let serial = books.serial;
        let (id, refused) = match call.shares_id {
            true => (call.id.unwrap_or_default(), None),
            false => self.claim_id(&books, call.id),
        };
        let key = Key { id, serial };
        let text = frame(&key.id);
        let session_id = call.session_id.or_else(|| last_string(&text, "sessionId"));
        let refused = refused
            .or_else(|| {
                books
                    .requests
                    .is_waiting(&key.id)
                    .then(|| Error::argument("the requestId is in flight already"))
            })
            .or_else(|| (text.len() > MAX_OUTBOUND_BYTES).then(|| too_large(text.len())))
            .or_else(|| self.ready(&mut books).err());
        if let Some(error) = refused {
            if !matches!(error, Error::InvalidArgument(_)) {
                books.requests.remember(&key.id); // what still comes for it is nobody's
            }
            let about = |draft: Draft| {
                let draft = draft.request(&key.id).place(&self.options.place);
                draft.session_of(&session_id)
            };
            let _ = done.send(Err(error.with(about)));
            return (key, answer);
        }
        let books = &mut *books;
        let mut desk = Counter {
            hub: self,
            link: &mut books.link,
        };
        let packet = desk.send(call.name, Some(&key.id), text);
        let limit = self.options.limits.request;
        let timer = (!limit.is_zero()).then(|| desk.arm(limit, &key, Tick::Call));
        books.requests.start(Waiting {
            key: key.clone(),
            expects: call.expects,
            session_id,
            place: Arc::clone(&self.options.place),
            done,
            packet: Some(packet),
            _timer: timer,
        });
        (key, answer)
    }

    /// The wait for a call was given up (REQ-CALL-09).
    pub(crate) fn abandon_call(&self, key: &Key) {
        let mut books = self.lock();
        if let Some(packet) = books.requests.abandon(key) {
            Counter {
                hub: self,
                link: &mut books.link,
            }
            .take_back(packet);
        }
    }

    /// Queues a frame that nobody answers (`cancel` without a live turn).
    pub(crate) fn send_only(
        &self,
        name: &'static str,
        id: Option<&str>,
        text: String,
    ) -> Result<oneshot::Receiver<()>, Error> {
        let mut books = self.lock();
        self.ready(&mut books)?;
        let (done, written) = oneshot::channel();
        let packet = self.packet(&books.link, name, id, text, Some(done));
        if let Some(outbox) = &books.link.outbox {
            outbox.push(packet);
        }
        Ok(written)
    }
}
