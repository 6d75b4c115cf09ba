//! Testee for the Rust client: drives it by JSON lines, decides nothing (PROTOCOL.md).

mod bodies;
mod commands;
mod handlers;
mod opening;
mod output;
mod plain;
mod watch;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::bodies::{Body, body, show};
use crate::commands::{Refused, Testee};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    std::panic::set_hook(Box::new(|what| {
        output::write(&body(json!({"ev": "unhandled", "what": what.to_string()})));
    }));
    let mut testee = Testee::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command: Value = serde_json::from_str(&line).unwrap_or_default();
        let mut reply: Body = body(json!({"id": command["id"]}));
        match testee.take(&command).await {
            Ok(ok) => reply.insert("ok".to_owned(), show(&ok)),
            Err(Refused(kind, message)) => reply.insert(
                "fail".to_owned(),
                json!({"kind": kind, "message": message}).into(),
            ),
        };
        output::write(&reply);
        if command["cmd"] == "bye" {
            return;
        }
    }
    testee.reset().await;
}
