//! A message whose turn completes while a handler is to give a code is sent again once the code was
//! right, and its turn goes on (REQ-ASK-11, REQ-ASK-12).

use super::cell::Settled;
use super::driver::Driver;
use super::result::TurnResult;
use super::state::State;
use crate::errors::Draft;
use crate::requests::Sender;
use crate::wire::errors::Leaf;

impl Driver {
    /// Whether the turn goes on when its handler has given the code.
    pub(super) fn awaits_code(&self) -> bool {
        self.resends && self.expects_code()
    }

    /// Keeps the outcome back: only the limit of the turn as a whole and that of the question run
    /// on.
    pub(super) fn hold(&mut self, result: TurnResult, sender: &mut Sender<'_>) {
        self.held = Some(Box::new(result));
        self.rest(sender);
        self.end_verbs(None);
    }

    /// Lets the result that was held back be the outcome, once no code can come.
    pub(super) fn release_held(&mut self, sender: &mut Sender<'_>) {
        if !self.expects_code()
            && let Some(result) = self.held.take()
        {
            self.conclude(Settled::Done(result), sender);
        }
    }

    /// Whether nobody can learn an outcome yet.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Sends the message under a new id, once, and goes on with it.
    pub(super) fn send_again(&mut self, sender: &mut Sender<'_>) {
        (self.held, self.resends) = (None, false);
        let over = self.about(Draft::default().end(Leaf::NoPendingQuestion));
        for verb in std::mem::take(&mut self.verbs) {
            verb.finish(Err(over.clone()));
        }
        for asked in &mut self.asked {
            asked.timer = None;
        }
        if self.renew(sender) {
            self.go_out(sender);
        }
    }

    /// Goes on under a new id, as for a message that was never sent; false where there is none, and
    /// the turn has settled by that.
    pub(super) fn renew(&mut self, sender: &mut Sender<'_>) -> bool {
        let id = match sender.draw_id() {
            Ok(id) => id,
            Err(error) => {
                self.refuse(error, sender);
                return false;
            }
        };
        self.moved = Some(std::mem::replace(&mut self.key.id, id));
        self.cell.renew(&self.key.id);
        self.state = State::new();
        self.resuming = self.resuming.fresh();
        self.cancelled = false;
        true
    }
}
