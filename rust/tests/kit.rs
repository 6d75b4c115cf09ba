//! The fake server of the testing kit, through a client.

#![allow(clippy::unwrap_used)] // a test that fails says where

use std::future::ready;
use std::time::Duration;

use serde_json::json;
use smooth_operator::testing::{Chunk, Confirm, FakeServer, Finish, Otp, Reply, record};
use smooth_operator::{
    Conversation, Error, ErrorKind, Event, Handlers, Outcome, QuestionKind, SmoothAgentClient, Turn,
};

type Never = std::convert::Infallible;

fn approve(yes: bool) -> Handlers {
    Handlers::new().confirm(move |_| ready(Ok::<_, Never>(yes)))
}

async fn talk(client: &SmoothAgentClient) -> Conversation {
    client
        .start_conversation(FakeServer::AGENT_ID)
        .await
        .expect("a conversation")
}

/// The server's own words.
fn sentence(error: &Error) -> Option<&str> {
    match error {
        Error::ServerFault(it) => it.server_message(),
        Error::RateLimited(it) => it.server_message(),
        _ => None,
    }
}

/// The text of a turn's result, or code and sentence of its error.
async fn ending(turn: &Turn) -> String {
    match turn.result().await {
        Ok(result) => result.text,
        Err(error) => format!(
            "{} {}",
            error.code().unwrap_or_default(),
            sentence(&error).unwrap_or_default()
        ),
    }
}

#[tokio::test(start_paused = true)]
async fn refund() {
    let srv = FakeServer::new();
    srv.on_message("refund")
        .confirm("refund order 7")
        .tokens(["Do", "ne"])
        .finish();
    let chat = srv
        .conversation(Handlers::new().confirm(|_| async { Ok::<_, Never>(true) }))
        .await
        .unwrap();
    assert_eq!(chat.ask("refund").await.unwrap().text, "Done");
    assert_eq!(srv.sent("confirm_tool_action")[0]["approved"], true);
}

#[tokio::test(start_paused = true)]
async fn verbs_that_stream_are_seen_in_their_order() {
    let srv = FakeServer::new();
    srv.on_message(())
        .preamble("Let me see.")
        .reasoning(["hm", "hm"])
        .chunk("plan")
        .chunk(
            Chunk::new("orders")
                .tool_call("orders", json!({"id": 7}))
                .tool_result("orders", json!("shipped")),
        )
        .tokens(["On ", "its way."])
        .finish_with(Finish::new().citation("c", "Orders", "shipped").usage(3, 2));
    let chat = srv.conversation(Handlers::new()).await.unwrap();
    let mut turn = chat.send("where?");
    let mut seen = Vec::new();
    while let Some(event) = turn.next().await {
        seen.push(event.unwrap().event_type().as_str());
    }
    let wanted = [
        "stream_preamble",
        "stream_reasoning",
        "stream_reasoning",
        "stream_chunk",
        "stream_chunk",
        "stream_chunk",
        "stream_token",
        "stream_token",
        "eventual_response",
    ];
    assert_eq!(seen, wanted);
    let result = turn.result().await.unwrap();
    assert_eq!(result.text, "On its way.");
    assert_eq!(result.citations.map(|it| it.len()), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_finds_the_first_reply_that_fits_and_is_not_used_up() {
    let srv = FakeServer::new();
    srv.on_message("a")
        .once()
        .finish_with(Finish::new().text("once"));
    srv.on_message(|said: &str| said.len() == 2)
        .finish_with(Finish::new().text("function"));
    let chat = srv.conversation(Handlers::new()).await.unwrap();
    for (said, text) in [
        ("a1", "once"),
        ("a1", "function"),
        ("secret", "AGENT_ERROR No reply fits the message."),
    ] {
        assert_eq!(ending(&chat.send(said)).await, text);
    }
    assert_eq!(srv.unmatched(), ["secret"]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_confirmation_takes_its_own_steps() {
    let srv = FakeServer::new();
    let no = Reply::new().tokens(["Kept."]).finish();
    srv.on_message("delete")
        .confirm(Confirm::new("delete it").tool_id("rm").rejected(no))
        .tokens(["Gone."])
        .finish();
    srv.on_message("move")
        .confirm("move it")
        .tokens(["Moved."])
        .finish();
    let chat = srv.conversation(approve(false)).await.unwrap();
    assert_eq!(ending(&chat.send("delete")).await, "Kept.");
    assert_eq!(ending(&chat.send("move")).await, "Moved.");
}

#[tokio::test(start_paused = true)]
async fn a_code_is_tried_until_it_is_right_spent_or_declined() {
    let srv = FakeServer::new();
    let otp = Otp::new().code("42").attempts(2).masked("b***@x.example");
    srv.on_message(()).otp(otp).tokens(["In."]).finish();
    let chat = srv.conversation(Handlers::new()).await.unwrap();
    let not_given = "AGENT_ERROR The code was not given.";
    for (codes, text) in [(["1", "42"], "In."), (["1", "2"], not_given)] {
        let mut turn = chat.send("let me in");
        loop {
            let event = turn.next().await.unwrap().unwrap();
            if let Event::OtpSent(sent) = event {
                assert_eq!(sent.masked_destination(), "b***@x.example");
                break;
            }
        }
        let first = turn.verify_otp(codes[0]).await.unwrap();
        assert_eq!((first.verified, first.attempts_remaining), (false, Some(1)));
        let second = turn.verify_otp(codes[1]).await.unwrap();
        assert_eq!(second.verified, text == "In.");
        assert_eq!(ending(&turn).await, text);
    }
    let mut turn = chat.send("again");
    turn.next().await.unwrap().unwrap();
    turn.decline(QuestionKind::Otp).await.unwrap();
    assert_eq!(ending(&turn).await, not_given);
}

#[tokio::test(start_paused = true)]
async fn a_form_is_answered_wrongly_then_rightly() {
    let srv = FakeServer::new();
    let intake = json!({"fields": [{"key": "email", "required": true}]});
    srv.on_message("who")
        .interaction("identity_intake", &intake)
        .tokens(["Thanks."])
        .finish();
    let options = json!([{"label": "S"}, {"label": "L"}]);
    let sizes =
        json!({"questions": [{"question": "Which?", "header": "Size", "options": options}]});
    srv.on_message("pick")
        .interaction("choices", &sizes)
        .tokens(["Packed."])
        .finish();
    let chat = srv.conversation(Handlers::new()).await.unwrap();
    let lacks =
        "AGENT_ERROR interaction(identity_intake) needs a client that supports identity_form.";
    assert_eq!(ending(&chat.send("who")).await, lacks);
    let client = srv
        .client()
        .supports(["identity_form", "choice_chips"])
        .build()
        .unwrap();
    let chat = talk(&client).await;
    let answer = |label: &str| json!({"answers": [{"header": "Size", "options": [label]}]});
    for (said, bad, good, text) in [
        (
            "who",
            json!({"email": "no"}),
            json!({"email": "Ada@Example.com"}),
            "Thanks.",
        ),
        ("pick", answer("XL"), answer("L"), "Packed."),
    ] {
        let mut turn = chat.send(said);
        turn.next().await.unwrap().unwrap();
        let refused = turn.submit(&bad).await.unwrap();
        assert_eq!((refused.accepted, refused.errors.len()), (false, 1));
        assert!(turn.submit(&good).await.unwrap().accepted);
        assert_eq!(ending(&turn).await, text);
    }
    let mut turn = chat.send("who");
    turn.next().await.unwrap().unwrap();
    turn.decline(QuestionKind::Interaction).await.unwrap();
    assert_eq!(ending(&turn).await, "Thanks.");
}

#[tokio::test(start_paused = true)]
async fn a_delay_waits_for_the_paused_clock_alone() {
    let srv = FakeServer::new();
    let hour = Duration::from_secs(3600);
    srv.on_message(())
        .tokens(["a"])
        .delay(hour)
        .tokens(["b"])
        .finish();
    let client = srv
        .client()
        .turn_idle_timeout(Duration::ZERO)
        .build()
        .unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(ending(&talk(&client).await.send("wait")).await, "ab");
    assert!(begun.elapsed() >= hour);
}

#[tokio::test(start_paused = true)]
async fn an_error_ends_its_turn() {
    let srv = FakeServer::new();
    srv.on_message(())
        .tokens(["half"])
        .error("RATE_LIMITED", "later");
    let chat = srv.conversation(Handlers::new()).await.unwrap();
    let error = chat.ask("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(sentence(&error), Some("later"));
}

#[tokio::test(start_paused = true)]
async fn a_cut_turn_is_resumed_with_replay_and_lost_without() {
    for replay in [true, false] {
        let srv = FakeServer::builder().replay(replay).build();
        srv.on_message(())
            .tokens(["be"])
            .confirm("while it is open")
            .cut(1006)
            .tokens(["hind"])
            .finish();
        let client = srv.client().handlers(approve(true)).build().unwrap();
        let turn = talk(&client).await.send("x");
        match (replay, turn.result().await) {
            (true, Ok(result)) => {
                assert_eq!(result.text, "behind");
                assert_eq!(srv.connections(), 2);
            }
            (false, Err(Error::TurnInterrupted(_))) => assert_eq!(turn.partial_text(), "be"),
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_frame_is_dropped_by_the_client() {
    let srv = FakeServer::new();
    srv.on_message(()).malformed("{").tokens(["well"]).finish();
    let client = srv.client().build().unwrap();
    assert_eq!(ending(&talk(&client).await.send("x")).await, "well");
    assert_eq!(client.counters().dropped_frames, 1);
}

#[tokio::test(start_paused = true)]
async fn an_open_reply_is_ended_by_cancel_in_every_step() {
    let srv = FakeServer::new();
    srv.on_message("open").tokens(["so far"]);
    srv.on_message("confirm").tokens(["so far"]).confirm("x");
    srv.on_message("otp").tokens(["so far"]).otp(Otp::new());
    srv.on_message("delay")
        .tokens(["so far"])
        .delay(Duration::from_secs(60));
    let chat = srv.conversation(Handlers::new()).await.unwrap();
    for step in ["open", "confirm", "otp", "delay"] {
        let mut turn = chat.send(step);
        turn.next().await.unwrap().unwrap();
        turn.cancel().await;
        let result = turn.result().await.unwrap();
        assert_eq!(
            (result.outcome, result.confirmed),
            (Outcome::Cancelled, Some(true))
        );
        assert_eq!(result.text, "so far");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_test_sees_and_does() {
    let srv = FakeServer::new();
    srv.on_message(()).tokens(["Hi."]).finish();
    let client = srv.client().auto_reconnect(false).build().unwrap();
    srv.refuse(401, 1, &[("retry-after", "2")]);
    let error = client.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let chat = talk(&client).await;
    assert_eq!(ending(&chat.send("Hello")).await, "Hi.");
    assert_eq!((srv.connections(), srv.open_connections()), (1, 1));
    assert_eq!((srv.sent("").len(), srv.sent("send_message").len()), (2, 1));
    let stored = srv.conversation_of(chat.session_id()).unwrap();
    assert_eq!(
        (stored.id.as_str(), stored.title.as_str()),
        (chat.conversation_id(), "Hello")
    );
    let messages = srv.messages(chat.session_id());
    assert_eq!(messages[0].turn.as_deref(), Some("completed"));
    assert_eq!(messages[1].text, "Hi.");
    assert!(srv.conversation_of("nobody").is_none());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    client.on_event(move |event| tell.send(event.event_type().as_str()).unwrap());
    srv.push(&json!({"type": "stream_video"}));
    assert_eq!(told.recv().await, Some("unknown"));
    let mut states = client.states();
    srv.disconnect(1012);
    assert_eq!(states.next().await.unwrap().code, Some(1012));
    srv.close();
    srv.close();
    assert_eq!(
        client.connect().await.unwrap_err().kind(),
        ErrorKind::ConnectFailed
    );
}

#[tokio::test(start_paused = true)]
async fn the_whole_protocol_is_behind_the_replies() {
    use smooth_operator::action::{GetSession, ListConversations, RenameConversation};
    let srv = FakeServer::new();
    srv.on_message("open").tokens(["so far"]);
    srv.on_message(()).finish_with(Finish::new().text("Hi."));
    let client = srv.client().build().unwrap();
    let chat = talk(&client).await;
    for said in ["one", "two"] {
        assert_eq!(ending(&chat.send(said)).await, "Hi.");
    }
    let mut history = Vec::new();
    let mut messages = chat.messages().limit(1);
    while let Some(message) = messages.next().await {
        history.push(message.unwrap().content.text.unwrap());
    }
    assert_eq!(history, ["Hi.", "two", "Hi.", "one"]);
    let title = RenameConversation::new(chat.conversation_id(), "Numbers");
    client.rename_conversation(title).await.unwrap();
    let page = client
        .list_conversations(ListConversations::new().query("numb"))
        .await
        .unwrap();
    assert_eq!(page.conversations[0].message_count, 4);
    let mut running = chat.send("open");
    running.next().await.unwrap().unwrap();
    let second = chat.ask("two at once").await.unwrap_err();
    assert_eq!(second.code(), Some("TURN_IN_PROGRESS"));
    running.cancel().await;
    let nobody = client
        .get_session(GetSession::new("nobody"))
        .await
        .unwrap_err();
    assert_eq!(nobody.code(), Some("SESSION_NOT_FOUND"));
    client.ping().await.unwrap();
}

#[tokio::test]
async fn on_loopback_any_client_can_talk_to_it() {
    let srv = FakeServer::new();
    srv.on_message(())
        .tokens(["be"])
        .cut(1006)
        .tokens(["hind"])
        .finish();
    let url = srv.listen().await.unwrap();
    assert_eq!(srv.url().as_deref(), Some(url.as_str()));
    let client = SmoothAgentClient::builder(&url)
        .backoff_base(Duration::from_millis(1))
        .build()
        .unwrap();
    srv.refuse(503, 1, &[]);
    assert_eq!(
        client.connect().await.unwrap_err().kind(),
        ErrorKind::ConnectFailed
    );
    client.connect().await.unwrap();
    assert_eq!(ending(&talk(&client).await.send("x")).await, "behind");
    assert_eq!(srv.connections(), 2);
    client.close().await;
}

#[tokio::test]
async fn a_cassette_gives_a_session_back() {
    let real = FakeServer::new();
    real.on_message("code")
        .otp(Otp::new().code("777"))
        .tokens(["In."])
        .finish();
    let url = real.listen().await.unwrap();
    let otp = || Handlers::new().otp(|_| ready(Ok::<_, Never>(Some("777".to_owned()))));
    let path = std::env::temp_dir().join(format!("kit-{}.cassette", std::process::id()));
    let options = SmoothAgentClient::builder(&url).handlers(otp()).lazy(true);
    let recording = record(options, &path).unwrap();
    assert_eq!(
        ending(&talk(&recording.client).await.send("code")).await,
        "In."
    );
    recording.close().await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("777") && text.contains("***"), "{text}");
    let played = FakeServer::replay_of(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let client = played.client().handlers(otp()).build().unwrap();
    let chat = talk(&client).await;
    assert_eq!(ending(&chat.send("code")).await, "In.");
    assert_eq!(
        chat.ask("more").await.unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
    assert_eq!(played.unmatched(), ["send_message"]);
}

/// What a step says that panics.
fn refusal<T>(write: impl FnOnce() -> T + std::panic::UnwindSafe) -> String {
    let told = std::panic::catch_unwind(|| drop(write())).unwrap_err();
    let text = told.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| (*told.downcast_ref::<&str>().unwrap()).to_owned())
}

#[tokio::test]
async fn a_step_that_contradicts_the_protocol_is_refused_where_it_is_written() {
    let said = [
        refusal(|| Reply::new().finish().tokens(["x"])),
        refusal(|| Reply::new().error("NOPE", "")),
        refusal(|| Reply::new().error("OTP_SEND_FAILED", "")),
        refusal(|| Otp::new().attempts(0)),
        refusal(|| Otp::new().channel("pigeon")),
        refusal(|| Reply::new().cut(1015)),
        refusal(|| Reply::new().interaction("dance", &json!({}))),
        refusal(|| Reply::new().interaction("identity_intake", &json!({"fields": []}))),
        refusal(|| Reply::new().interaction("choices", &json!({"questions": []}))),
    ];
    let wanted = [
        "a reply has ended with finish(): no step can follow",
        "\"NOPE\" is no error code of the protocol",
        "OTP_SEND_FAILED never ends a turn",
        "otp() needs at least 1 attempt",
        "otp() knows no channel \"pigeon\"",
        "no peer may end a link with the close code 1015",
        "there is no interaction of kind \"dance\"",
        "/fields must hold at least one field",
        "/questions must hold one to four questions",
    ];
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.contains(wanted), "{said}");
    }
    let srv = FakeServer::new();
    for (document, wanted) in [
        ("{", "no script file"),
        ("{}", "no script file"),
        (r#"{"model":[{}]}"#, "/model/0"),
        (
            r#"{"model":[],"otp":{"code":"1","attempts":0}}"#,
            "/otp/attempts",
        ),
    ] {
        let error = srv.script(document).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    srv.on_message(());
    assert!(
        srv.script(r#"{"model":[]}"#)
            .unwrap_err()
            .to_string()
            .contains("has replies")
    );
}

#[test]
fn a_file_that_is_no_cassette_is_refused_in_one_sentence() {
    let path = std::env::temp_dir().join(format!("bad-{}.cassette", std::process::id()));
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for (text, wanted) in [
        ("", " is empty"),
        (
            "{\"cassette\": 2}",
            " is of cassette version 2; this kit reads 1",
        ),
        ("hello", ": line 1 is no frame of a cassette"),
        (
            "{\"cassette\": 1}\n{\"way\":\"in\",\"frame\":{}}\n{}",
            ": line 3 is no frame of a cassette",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = FakeServer::replay_of(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{name}{wanted}"));
    }
    std::fs::remove_file(&path).unwrap();
}
