//! What the types promise, and misuse of options.

use std::time::Duration;

use smooth_operator::{
    Conversation, Error, ErrorKind, Event, Messages, Pending, SmoothAgentClient, States,
    TextStream, Turn, TurnEvents, TurnHandle, TurnResult,
};

fn shared<T: Clone + Send + Sync + 'static>() {}
fn moved<T: Send + 'static>() {}

#[test]
fn req_conn_17_types_may_be_used_from_any_thread() {
    shared::<SmoothAgentClient>();
    shared::<Conversation>();
    shared::<TurnHandle>();
    shared::<TurnResult>();
    shared::<Event>();
    shared::<Error>();
    moved::<Turn>();
    moved::<TurnEvents>();
    moved::<TextStream>();
    moved::<Messages>();
    moved::<States>();
    moved::<Pending<Result<(), Error>>>();
}

#[test]
fn req_conn_01_a_new_client_is_idle_and_needs_no_runtime() {
    let client = SmoothAgentClient::new("ws://127.0.0.1:1/ws").expect("good options");
    assert_eq!(client.state().as_str(), "idle");
}

#[test]
fn req_conn_01_malformed_options_are_refused_when_the_client_is_built() {
    let builder = || SmoothAgentClient::builder("ws://127.0.0.1:1/ws");
    let refused = [
        SmoothAgentClient::new("http://127.0.0.1"),
        SmoothAgentClient::new("not a url"),
        builder().max_message_bytes(0).build(),
        builder().header("bad name", "x").build(),
        builder().origin("line\nbreak").build(),
        builder().add_root_certificates("no certificate").build(),
    ];
    for client in refused {
        let error = client.expect_err("it must be refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(!error.is_retryable());
    }
}

#[test]
fn req_err_05_misuse_without_a_runtime_is_an_argument_error() {
    let client = SmoothAgentClient::builder("ws://127.0.0.1:1/ws")
        .lazy(true)
        .build()
        .expect("good options");
    let turn = client.send_message(smooth_operator::action::SendMessage::new("s", "hello"));
    let error = turn.started().expect_err("there is no runtime");
    assert_eq!(error.kind().as_str(), "invalid_argument");
}

#[test]
fn req_log_01_tokens_headers_and_queries_do_not_show_in_debug_texts() {
    let builder = SmoothAgentClient::builder("ws://127.0.0.1:1/ws?key=hidden-1")
        .token("hidden-2")
        .header("x-key", "hidden-3")
        .connect_timeout(Duration::from_secs(1));
    let before = format!("{builder:?}");
    let client = builder.build().expect("good options");
    let code = smooth_operator::action::VerifyOtp::new("s", "r").code("hidden-4");
    let text = format!("{before} {client:?} {code:?}");
    assert!(!text.contains("hidden"), "{text}");
}
