//! Every generated vector: what the schema says about a frame is what the decoder does with it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use smooth_operator::action::{self, Action, Call};
use smooth_operator::{DecodeError, Event, Problem, decode};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors")
}

/// The vectors of some files; an empty folder is a mistake, not a pass.
fn rows(name: &str) -> Vec<(Value, Value)> {
    let path = folder().join(name);
    let mut files = vec![path.clone()];
    if path.is_dir() {
        files = std::fs::read_dir(path)
            .expect("a folder")
            .map(|it| it.expect("a file").path())
            .collect();
    }
    assert!(!files.is_empty(), "no vectors in {name}");
    let mut found = Vec::new();
    for file in files {
        let mut body: Value =
            serde_json::from_str(&std::fs::read_to_string(file).expect("text")).expect("JSON");
        let vectors = body["vectors"].take();
        let vectors = vectors.as_array().expect("a list").clone();
        assert!(!vectors.is_empty());
        found.extend(vectors.into_iter().map(|row| (body.clone(), row)));
    }
    found
}

/// JSON with every number as an IEEE double: JSON knows no other kind.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        other => other.clone(),
    }
}

/// A text as a tree; numbers that a double cannot hold are the greatest ones that it can.
fn parsed(text: &str) -> Value {
    serde_json::from_str(&text.replace("1e400", "1.7976931348623157e308")).expect("JSON")
}

fn assert_problem(problem: Option<&Problem>, row: &Value, name: &str) {
    let problem = problem.expect("a problem");
    assert_eq!(row["problem"]["kind"], problem.kind, "{name}");
    assert_eq!(row["problem"]["pointer"], *problem.pointer, "{name}");
}

fn check_event(body: &Value, row: &Value) {
    let text = row["text"].as_str().expect("a text");
    let name = format!("{} {}: {text}", body["message"], row["id"]);
    match (row["outcome"].as_str().expect("an outcome"), decode(text)) {
        ("malformed", Err(DecodeError::Malformed)) => {}
        ("broken", Err(DecodeError::Broken(event))) => assert_problem(event.problem(), row, &name),
        ("unknown", Ok(Event::Unknown(event))) => {
            assert_eq!(row["wireType"], event.wire_type(), "{name}");
            assert_eq!(event.raw(), text, "{name}");
        }
        ("good", Ok(event)) => {
            assert!(!matches!(event, Event::Unknown(_)), "{name}");
            assert_eq!(event.raw(), text, "{name}");
            let expected = row.get("encoded").cloned().unwrap_or_else(|| parsed(text));
            assert_eq!(plain(&parsed(event.to_json())), plain(&expected), "{name}");
            if let Some(flat) = row.get("flat") {
                assert_eq!(plain(&parsed(event.facts().get())), plain(flat), "{name}");
            }
        }
        (outcome, got) => panic!("{name}: {outcome} was due, but got {got:?}"),
    }
}

#[test]
fn req_wire_06_events_decode_as_the_schemas_say() {
    for (body, row) in rows("events") {
        check_event(&body, &row);
    }
}

#[test]
fn req_wire_01_frames_of_no_known_type_and_no_frames_at_all() {
    for (body, row) in rows("frames.json") {
        check_event(&body, &row);
    }
}

fn check_result<C: Call>(row: &Value, name: &str)
where
    C::Output: serde::Serialize,
{
    let event = decode(row["text"].as_str().expect("a text")).expect("a good event");
    match (
        row["outcome"].as_str(),
        C::read(&event).expect("the right event"),
    ) {
        (Some("broken"), Err(problem)) => assert_problem(Some(&problem), row, name),
        (Some("good"), Ok(result)) => {
            let data = parsed(event.to_json())["data"].clone();
            let expected = row.get("encoded").cloned().unwrap_or(data);
            let got = serde_json::to_string(&result).expect("JSON");
            assert_eq!(plain(&parsed(&got)), plain(&expected), "{name}");
        }
        (outcome, got) => panic!("{name}: {outcome:?} was due, but read: {:?}", got.err()),
    }
}

#[test]
fn req_wire_06_results_decode_as_the_schemas_say() {
    for (body, row) in rows("results") {
        let name = format!("{} {}", body["action"], row["id"]);
        match body["action"].as_str().expect("an action") {
            "create_conversation_session" => {
                check_result::<action::CreateConversationSession>(&row, &name)
            }
            "get_session" => check_result::<action::GetSession>(&row, &name),
            "get_conversation_messages" => {
                check_result::<action::GetConversationMessages>(&row, &name)
            }
            "list_conversations" => check_result::<action::ListConversations>(&row, &name),
            "rename_conversation" => check_result::<action::RenameConversation>(&row, &name),
            other => panic!("no reader for the result of {other}"),
        }
    }
}

fn check_action<A: Action>(row: &Value, name: &str) {
    let text = row["text"].as_str().expect("a text");
    let read: A = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(
        plain(&parsed(&read.to_json())),
        plain(&parsed(text)),
        "{name}"
    );
}

/// Whether a client could have written the frame: none writes lone surrogates, numbers beyond a
/// double, or integers spelled as anything else.
fn writable(row: &Value) -> bool {
    let text = row["text"].as_str().unwrap_or_default();
    let id = row["id"].as_str().unwrap_or_default();
    let spelled = ["=zero-fraction", "=exponent", "=minus-zero"];
    let fraction = spelled.iter().any(|spelling| id.contains(spelling));
    row["strict"] == true && !fraction && !text.contains("\\ud8") && !text.contains("e400")
}

#[test]
fn req_call_05_what_the_schema_accepts_of_an_action_is_written_the_same() {
    for (body, row) in rows("actions").into_iter().filter(|(_, row)| writable(row)) {
        let name = format!("{} {}", body["message"], row["id"]);
        match body["message"].as_str().expect("an action") {
            "create_conversation_session" => {
                check_action::<action::CreateConversationSession>(&row, &name)
            }
            "send_message" => check_action::<action::SendMessage>(&row, &name),
            "get_session" => check_action::<action::GetSession>(&row, &name),
            "get_conversation_messages" => {
                check_action::<action::GetConversationMessages>(&row, &name)
            }
            "list_conversations" => check_action::<action::ListConversations>(&row, &name),
            "rename_conversation" => check_action::<action::RenameConversation>(&row, &name),
            "confirm_tool_action" => check_action::<action::ConfirmToolAction>(&row, &name),
            "verify_otp" => check_action::<action::VerifyOtp>(&row, &name),
            "submit_interaction" => check_action::<action::SubmitInteraction>(&row, &name),
            "cancel" => check_action::<action::Cancel>(&row, &name),
            "ping" => check_action::<action::Ping>(&row, &name),
            other => panic!("no type for {other}"),
        }
    }
}
