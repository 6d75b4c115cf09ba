//! The moves of the link as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc;

use super::SmoothAgentClient;
use crate::listeners::{ListenerId, StateChange};

impl SmoothAgentClient {
    /// Every move of the link from now on, as a stream.
    pub fn states(&self) -> States {
        let (sender, receiver) = mpsc::unbounded_channel();
        let id = self.on_state(move |change| {
            let _ = sender.send(change);
        });
        States {
            receiver,
            client: self.clone(),
            id,
        }
    }
}

/// Every move of the link, as a stream; see [`SmoothAgentClient::states`].
#[derive(Debug)]
pub struct States {
    receiver: mpsc::UnboundedReceiver<StateChange>,
    client: SmoothAgentClient,
    id: ListenerId,
}

impl States {
    /// The next move.
    pub async fn next(&mut self) -> Option<StateChange> {
        self.receiver.recv().await
    }
}

impl Stream for States {
    type Item = StateChange;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StateChange>> {
        self.receiver.poll_recv(context)
    }
}

impl Drop for States {
    fn drop(&mut self) {
        self.client.off(self.id);
    }
}
