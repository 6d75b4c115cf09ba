//! The hooks of an observer.

use serde_json::json;
use smooth_operator::{Error, Observer, QuestionKind};

use crate::peer::{Heard, Peer, soon};

#[derive(Clone, Default)]
struct Notes(Heard<String>);

impl Notes {
    fn note(&self, text: &str, error: Option<&Error>) {
        let kind = error.map_or("", |error| error.kind().as_str());
        self.0.push(format!("{text} {kind}").trim().to_owned());
    }
}

impl Observer for Notes {
    fn attempt(&self, host: &str, error: Option<&Error>) {
        assert!(host.starts_with("127.0.0.1:"));
        self.note("attempt", error);
    }

    fn call(&self, action: &str, request_id: &str, error: Option<&Error>) {
        self.note(&format!("{action} {request_id}"), error);
    }

    fn turn_started(&self, request_id: &str, _: &str) {
        self.note(&format!("started {request_id}"), None);
    }

    fn first_token(&self, request_id: &str) {
        self.note(&format!("token {request_id}"), None);
    }

    fn question(&self, _: &str, kind: QuestionKind) {
        self.note(kind.as_str(), None);
    }

    fn turn_settled(&self, request_id: &str, outcome: &str, error: Option<&Error>) {
        self.note(&format!("settled {request_id} {outcome}"), error);
    }
}

#[tokio::test]
async fn req_conn_07_an_observer_hears_of_each_thing_once_and_in_order() {
    let (peer, notes) = (Peer::start().await, Notes::default());
    let (client, mut link) = peer
        .connected(peer.builder().auto_reconnect(false).observer(notes.clone()))
        .await;
    let (turn, id) = link.turn(&client).await;
    link.fence(&client).await;
    for word in ["a", "b", "c"] {
        link.token(&id, word).await;
    }
    link.ask(
        &id,
        "write_confirmation_required",
        json!({"toolId": "t", "actionDescription": "d"}),
    )
    .await;
    link.error(&id, "AGENT_ERROR").await;
    soon(turn.result()).await.expect_err("failed");
    let lost = client.ping();
    link.close(1001).await;
    soon(lost).await.expect_err("lost");
    let heard = notes.0.count(7).await;
    assert_eq!(
        heard,
        [
            "attempt",
            "started req-0",
            "ping req-1",
            "token req-0",
            "confirmation",
            "settled req-0 failed server_error",
            "ping req-2 connection_lost",
        ]
    );
}

struct Panics;

impl Observer for Panics {
    fn attempt(&self, _: &str, _: Option<&Error>) {
        std::panic::resume_unwind(Box::new("a fault of the observer"));
    }
}

#[tokio::test]
async fn req_conn_08_an_observer_that_panics_disturbs_nothing() {
    let (peer, said) = (Peer::start().await, Heard::<String>::default());
    let heard = said.clone();
    let builder = peer.builder().observer(Panics);
    let builder = builder.logger(move |record| heard.push(record.message.clone()));
    let (client, mut link) = peer.connected(builder).await;
    link.fence(&client).await;
    let all = said.all();
    assert!(
        all.iter().any(|it| it == "the observer panicked"),
        "{all:?}"
    );
}
