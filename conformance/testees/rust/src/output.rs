//! Lines on stdout: replies, and events with the one counter of the process.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::bodies::{Body, body, show};

#[derive(Default)]
struct Output {
    canary: String,
    events: u64,
    items: u64,
    muted: bool,
}

static OUTPUT: Mutex<Option<Output>> = Mutex::new(None);

fn with<T>(work: impl FnOnce(&mut Output) -> T) -> T {
    work(
        OUTPUT
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_default(),
    )
}

pub fn set_canary(word: &str) {
    with(|output| output.canary = word.to_owned());
}

pub fn mute(muted: bool) {
    with(|output| output.muted = muted);
}

pub fn write(line: &Body) {
    let mut text = show(line).get().replace(['\n', '\r'], " "); // raw JSON may hold breaks
    text.push('\n');
    let mut stdout = std::io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes an event; `head` names what it is about.
pub fn event(word: &str, head: Value, rest: Body) {
    with(|output| {
        output.items += u64::from(word == "item");
        if output.muted || (output.canary == "drop-3rd-item" && word == "item" && output.items == 3)
        {
            return;
        }
        let mut line = rest;
        line.extend(body(head));
        line.extend(body(json!({"ev": word, "n": output.events})));
        if output.canary == "alter-text" && word == "ended" {
            let text = line.get("text").map(|it| it.to_value()).unwrap_or_default();
            line.insert(
                "text".to_owned(),
                show(&format!("{}!", text.as_str().unwrap_or_default())),
            );
        }
        if output.canary == "drop-error-code"
            && let Some(mut error) = line.get("error").and_then(|it| it.parse::<Body>().ok())
        {
            error.remove("code");
            line.insert("error".to_owned(), show(&error));
        }
        output.events += 1;
        write(&line);
    });
}
