//! Iterations that can be held, and the report of a turn's end.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use smooth_operator::{Event, Turn, TurnEvents, TurnHandle};
use tokio::sync::Notify;

use crate::bodies::{Body, body, error_body, item_body, result_body, show};
use crate::output::event;

/// How many items may be read before the iteration is held; none = no limit.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<Option<u64>>, Notify)>);

impl Gate {
    pub fn hold(&self, count: Option<u64>) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = count;
        self.0.1.notify_one();
    }

    async fn pass(&self) {
        loop {
            let changed = self.0.1.notified();
            if *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) != Some(0) {
                return;
            }
            changed.await;
        }
    }

    fn passed(&self) {
        let mut left = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.map(|count| count.saturating_sub(1));
    }
}

/// An item, and whether the turn says that it is handled.
fn shown(turn: &TurnHandle, item: &Event) -> Body {
    let mut shown = item_body(item);
    if turn.handled(item) {
        shown.insert("handled".to_owned(), show(&true));
    }
    shown
}

/// Reports the items of a turn, then its end.
pub async fn items(name: String, mut turn: Turn, gate: Gate) {
    let mut raised = None;
    loop {
        gate.pass().await;
        match turn.next().await {
            Some(Ok(item)) => event("item", json!({"turn": name}), shown(&turn, &item)),
            Some(Err(error)) => {
                raised = Some(error.kind().as_str());
                break;
            }
            None => break,
        }
        gate.passed();
    }
    ended(name, turn, raised).await;
}

/// Reports the end of a turn.
pub async fn ended(name: String, turn: Turn, raised: Option<&'static str>) {
    let head = json!({"turn": name, "raised": raised});
    match turn.result().await {
        Ok(result) => event("ended", head, result_body(&result)),
        Err(error) => {
            let mut shown = body(json!({"outcome": "failed", "text": turn.partial_text()}));
            shown.insert("error".to_owned(), show(&error_body(&error)));
            event("ended", head, shown);
        }
    }
}

/// Reports a further iteration.
pub async fn follow(
    name: String,
    turn: String,
    handle: TurnHandle,
    mut events: TurnEvents,
    gate: Gate,
) -> Result<(), smooth_operator::Error> {
    loop {
        gate.pass().await;
        match events.next().await {
            Some(item) => {
                let item = shown(&handle, &item?);
                event("item", json!({"turn": turn, "as": name}), item);
            }
            None => return Ok(()),
        }
        gate.passed();
    }
}

/// Reports the text of a turn, piece by piece.
pub async fn text(
    name: String,
    turn: String,
    handle: TurnHandle,
) -> Result<(), smooth_operator::Error> {
    let mut pieces = handle.text_stream();
    while let Some(piece) = pieces.next().await {
        event(
            "text",
            json!({"turn": turn, "as": name, "piece": piece?}),
            Body::new(),
        );
    }
    Ok(())
}
