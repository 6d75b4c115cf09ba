//! Handlers answer questions in place of verbs: what no frame shows of it (REQ-ASK-01 to 13).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use smooth_operator::testing::VirtualClock;
use smooth_operator::{
    Error, Handlers, Level, Outcome, QuestionKind, SendOptions, SmoothAgentClient, TurnState,
    action,
};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;

use crate::peer::{Heard, Link, Peer, SESSION, soon};

type Far = Link<TcpStream>;

/// Sets a flag when the future that holds it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(200)); // what does not wait for it is done by then
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A client with handlers on a virtual clock, its log at warning, and its link.
async fn handling(handlers: Handlers) -> (SmoothAgentClient, VirtualClock, Heard<String>, Far) {
    let (peer, clock, log) = (Peer::start().await, VirtualClock::new(), Heard::default());
    let written = log.clone();
    let builder = peer.builder().handlers(handlers).clock(clock.clone());
    let builder = builder.ping_interval(Duration::ZERO).auto_reconnect(false);
    let builder = builder
        .handler_timeout(Duration::from_secs(60))
        .logger(move |it| {
            if it.level == Level::Warning {
                written.push(it.message.clone());
            }
        });
    let (client, link) = peer.connected(builder).await;
    (client, clock, log, link)
}

async fn confirmation(link: &mut Far, id: &str) {
    let question = json!({"toolId": "pay", "actionDescription": "Pay"});
    link.ask(id, "write_confirmation_required", question).await;
}

async fn code_required(link: &mut Far, id: &str) {
    let required = json!({
        "toolId": "pay", "actionDescription": "Pay", "availableChannels": ["email"], "authLevel": "otp",
    });
    link.ask(id, "otp_verification_required", required).await;
}

async fn code_sent(link: &mut Far, id: &str) {
    code_required(link, id).await;
    let sent = json!({"channel": "email", "maskedDestination": "a@…"});
    link.ask(id, "otp_sent", sent).await;
}

/// A handler of codes that never gives one.
fn silent() -> Handlers {
    Handlers::new().otp(|_| std::future::pending::<Result<Option<String>, Error>>())
}

#[tokio::test]
async fn req_ask_07_what_a_handler_fails_with_is_the_source_and_in_no_text() {
    let failing = Handlers::new().confirm(|_| async { Err::<bool, _>("s3cret") });
    let panicking = Handlers::new().confirm(|ask| async move {
        assert!(ask.tool_id.is_empty(), "as the test says");
        Ok::<_, Error>(true)
    });
    for (handlers, source) in [(failing, "s3cret"), (panicking, "the handler panicked")] {
        let (client, _, log, mut link) = handling(handlers).await;
        let (turn, id) = link.turn(&client).await;
        confirmation(&mut link, &id).await;
        assert_eq!(link.action().await["approved"], false);
        assert_eq!(link.action().await["action"], "cancel");
        let error = soon(turn.result()).await.expect_err("it failed");
        let cause = std::error::Error::source(&error).expect("why").to_string();
        assert_eq!(cause, source);
        assert!(
            !format!("{error} {error:?}").contains("s3cret"),
            "{error:?}"
        );
        let Error::Handler(failed) = error else {
            panic!("{error:?}");
        };
        assert_eq!(failed.question(), QuestionKind::Confirmation);
        assert_eq!(log.all(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn req_ask_07_a_handler_that_takes_too_long_is_dropped_and_fails_by_a_timeout() {
    let over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&over);
    let handlers = Handlers::new().confirm(move |_| {
        let dropped = Dropped(Arc::clone(&seen));
        async move {
            std::future::pending::<()>().await;
            drop(dropped);
            Ok::<_, Error>(true)
        }
    });
    let (client, clock, _, mut link) = handling(handlers).await;
    let (turn, id) = link.turn(&client).await;
    confirmation(&mut link, &id).await;
    link.fence(&client).await;
    clock.advance(Duration::from_secs(60)).await;
    assert_eq!(link.action().await["approved"], false);
    let error = soon(turn.result()).await.expect_err("too late");
    let source = std::error::Error::source(&error).and_then(|it| it.downcast_ref());
    let kind = source.map(std::io::Error::kind);
    assert_eq!(kind, Some(std::io::ErrorKind::TimedOut));
    while !over.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn req_ask_06_close_drops_a_handler_and_waits_for_it() {
    let over = Arc::new(AtomicBool::new(false));
    let (called, mut calls) = unbounded_channel();
    let seen = Arc::clone(&over);
    let handlers = Handlers::new().confirm(move |_| {
        let dropped = Dropped(Arc::clone(&seen));
        called.send(()).expect("the test goes on");
        async move {
            std::future::pending::<()>().await;
            drop(dropped);
            Ok::<_, Error>(true)
        }
    });
    let (client, _, log, mut link) = handling(handlers).await;
    let (turn, id) = link.turn(&client).await;
    confirmation(&mut link, &id).await;
    soon(calls.recv()).await.expect("a call");
    let reading = tokio::spawn(async move { while link.read().await.is_some() {} });
    soon(client.close()).await;
    assert!(over.load(Ordering::SeqCst), "it runs on");
    soon(turn.result()).await.expect_err("closed");
    assert_eq!(log.all(), Vec::<String>::new(), "its end is no failure");
    drop(reading);
}

#[tokio::test]
async fn req_conn_05_a_handler_may_close_its_client() {
    let (peer, own) = (Peer::start().await, Arc::new(std::sync::OnceLock::new()));
    let known: Arc<std::sync::OnceLock<SmoothAgentClient>> = Arc::clone(&own);
    let handlers = Handlers::new().confirm(move |_| {
        let client = known.get().expect("known").clone();
        async move {
            client.close().await;
            Ok::<_, Error>(true)
        }
    });
    let builder = peer.builder().handlers(handlers);
    let (client, mut link) = peer.connected(builder).await;
    let _ = own.set(client.clone());
    let (turn, id) = link.turn(&client).await;
    confirmation(&mut link, &id).await;
    assert_eq!(link.closed().await, 1000, "and nothing was approved");
    soon(turn.result()).await.expect_err("closed");
    soon(client.close()).await;
}

#[tokio::test]
async fn req_ask_10_a_question_that_nobody_looks_at_is_logged_once() {
    for looks in [false, true] {
        let (client, clock, log, mut link) = handling(Handlers::new()).await;
        let (mut turn, id) = link.turn(&client).await;
        confirmation(&mut link, &id).await;
        if looks {
            soon(turn.next())
                .await
                .expect("an item")
                .expect("a question");
        }
        link.fence(&client).await;
        clock.advance(Duration::from_secs(30)).await;
        assert_eq!(log.all().len(), usize::from(!looks), "{:?}", log.all());
        turn.detach();
    }
}

#[tokio::test]
async fn req_ask_07_a_failure_after_the_turn_is_logged_by_its_type_alone() {
    let handlers = Handlers::new().otp(|_| async { Err(std::io::Error::other("s3cret")) });
    let (peer, log) = (Peer::start().await, Heard::default());
    let written = log.clone();
    let builder = peer.builder().handlers(handlers).resend_after_otp(false);
    let builder = builder.logger(move |it| written.push(it.message.clone()));
    let (client, mut link) = peer.connected(builder).await;
    let (turn, id) = link.turn(&client).await;
    code_required(&mut link, &id).await;
    link.finish(&id, "A code is needed.").await; // now it is asked for
    soon(turn.result()).await.expect("done");
    link.fence(&client).await;
    let failed = |it: &String| it.contains("handler");
    soon(async {
        while !log.all().iter().any(failed) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let lines: Vec<String> = log.all().into_iter().filter(failed).collect();
    assert!(lines[0].contains("std::io::error::Error"), "{lines:?}");
    assert!(!lines[0].contains("s3cret"), "{lines:?}");
}

#[tokio::test]
async fn req_ask_11_a_turn_that_waits_for_its_code_runs_and_goes_on_with_the_message() {
    let (code, gives) = tokio::sync::watch::channel(String::new());
    let handlers = Handlers::new().otp(move |ask| {
        assert_eq!(ask.prompt(), "Pay");
        let mut gives = gives.clone();
        async move {
            let code = gives.wait_for(|it| !it.is_empty()).await;
            Ok::<_, Error>(code.ok().map(|it| it.clone()))
        }
    });
    let (client, _, _, mut link) = handling(handlers).await;
    let (turn, id) = link.turn(&client).await;
    link.token(&id, "One moment.").await;
    code_sent(&mut link, &id).await;
    link.finish(&id, "A code is needed.").await;
    link.fence(&client).await;
    assert_eq!(turn.state(), TurnState::Running);
    assert_eq!(client.counters().open_turns, 1);
    code.send_replace("123456".to_owned());
    assert_eq!(link.action().await["code"], "123456");
    link.ask(&id, "otp_verified", json!({"message": "right"}))
        .await;
    let again = link.action().await;
    assert_eq!(
        (&again["action"], &again["message"]),
        (&json!("send_message"), &json!("hello"))
    );
    let renewed = again["requestId"].as_str().expect("an id").to_owned();
    assert_ne!(renewed, id);
    link.accept_turn(&renewed).await;
    link.token(&renewed, "paid").await;
    link.finish(&renewed, "paid").await;
    let result = soon(turn.result()).await.expect("done");
    assert_eq!(
        (result.text.as_str(), result.request_id.as_str()),
        ("paid", &*renewed)
    );
    assert_eq!(
        (turn.request_id(), turn.partial_text().as_str()),
        (&*renewed, "paid")
    );
    assert_eq!(client.counters().open_turns, 0);
}

#[tokio::test]
async fn req_ask_12_who_stops_a_turn_that_waits_for_its_code_gets_what_came() {
    let (client, clock, _, mut link) = handling(silent()).await;
    let (turn, id) = link.turn(&client).await;
    code_sent(&mut link, &id).await;
    link.finish(&id, "A code is needed.").await;
    link.fence(&client).await;
    soon(turn.cancel()).await;
    let result = soon(turn.result()).await.expect("what came");
    assert_eq!(
        (result.outcome, result.text.as_str()),
        (Outcome::Completed, "A code is needed.")
    );
    link.fence(&client).await; // nothing was written
    drop(turn);
    soon(async {
        tokio::join!(client.close(), async {
            while link.read().await.is_some() {}
        })
    })
    .await;
    assert_eq!(clock.timers(), 0);
}

#[tokio::test]
async fn req_ask_01_the_handler_of_a_message_comes_first_and_one_that_declines_is_no_failure() {
    let far = Handlers::new().confirm(|_| async { Ok::<_, Error>(false) });
    let (client, _, _, mut link) = handling(far).await;
    let near = Handlers::new().interaction("choices", |ask| async move {
        assert_eq!(ask.kind, "choices");
        Ok::<Option<Value>, Error>(None)
    });
    let message = SendOptions::from(action::SendMessage::new(SESSION, "hello")).handlers(near);
    let turn = client.send_message(message);
    let id = link.action().await["requestId"]
        .as_str()
        .expect("an id")
        .to_owned();
    link.accept_turn(&id).await;
    confirmation(&mut link, &id).await;
    assert_eq!(link.action().await["approved"], false, "the client's");
    link.acknowledge(&id).await;
    let form = json!({"interactionId": "i", "kind": "choices", "spec": {}, "reason": "why"});
    link.ask(&id, "interaction_required", form).await;
    assert_eq!(link.action().await["declined"], true, "the message's");
    link.acknowledge(&id).await;
    link.finish(&id, "done").await;
    assert_eq!(soon(turn.result()).await.expect("done").text, "done");
}
