//! Every generated vector: what the schema says about a frame is what the decoder does with it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use smooth_operator::action::{self, Action, Call};
use smooth_operator::{DecodeError, Event, Problem, decode, types};

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
        let text = std::fs::read_to_string(&file).expect("text");
        let mut body: Value = serde_json::from_str(&text).expect("JSON");
        let vectors = body["vectors"].take();
        let vectors = vectors.as_array().expect("a list").clone();
        // One vector a line: none is lost on the way.
        let lines = text.matches("\n{\"id\":").count();
        assert!(lines > 0 && lines == vectors.len(), "{}", file.display());
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

#[test]
fn req_wire_06_no_vector_is_left_out() {
    let replayed = [
        "actions",
        "events",
        "frames.json",
        "machines",
        "results",
        "types",
    ];
    for entry in std::fs::read_dir(folder()).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a name");
        assert!(name == "README.md" || replayed.contains(&name), "{name}");
    }
}

fn check_type<T: serde::Serialize>(read: Result<T, Problem>, row: &Value, name: &str) {
    match (row["outcome"].as_str(), read) {
        (Some("broken"), Err(problem)) => assert_problem(Some(&problem), row, name),
        (Some("good"), Ok(value)) => {
            let text = row["text"].as_str().expect("a text");
            let expected = row.get("encoded").cloned().unwrap_or_else(|| parsed(text));
            let got = serde_json::to_string(&value).expect("JSON");
            assert_eq!(plain(&parsed(&got)), plain(&expected), "{name}");
        }
        (outcome, read) => panic!("{name}: {outcome:?} was due, but read: {:?}", read.err()),
    }
}

macro_rules! check_types {
    ($body:ident, $row:ident, $name:ident: $($type:ident),* $(,)?) => {
        match $body["type"].as_str() {
            $(Some(stringify!($type)) => {
                let text = $row["text"].as_str().expect("a text");
                check_type(types::$type::from_json(text), &$row, &$name);
            })*
            other => panic!("no reader for {other:?}"),
        }
    };
}

#[test]
fn req_wire_06_types_decode_as_the_schemas_say() {
    for (body, row) in rows("types") {
        let name = format!("{} {}: {}", body["type"], row["id"], row["text"]);
        check_types!(body, row, name:
            ChoicesSpec, ChoicesValues, IdentityIntakeSpec, IdentityIntakeValues, ToolCall,
            ToolResult,
        );
    }
}

#[test]
fn req_wire_06_a_text_that_is_no_json_is_no_value_of_a_type() {
    for text in ["", "{", "NaN", r#"{"name":"a"} x"#, "[]", "null"] {
        let problem = types::ToolCall::from_json(text).expect_err("no tool call");
        assert_eq!(
            (problem.kind, problem.pointer.as_str()),
            ("type", ""),
            "{text}"
        );
    }
    let call = types::ToolCall::from_json(r#"{"name":"\ud800"}"#).expect("a lone surrogate");
    assert_eq!(call.name, "\u{fffd}");
}

/// What the schema accepts is written the same; of all else only what is known is written, and
/// that is a fixed point.
fn check_action<A: Action>(row: &Value, name: &str) {
    let text = spelled(row["text"].as_str().expect("a text"));
    let strict = row["strict"] == true;
    let read: A = match serde_json::from_str(&text) {
        Ok(read) => read,
        Err(error) => return assert!(!strict, "{name}: {error}"),
    };
    let written = read.to_json();
    if strict {
        assert_eq!(plain(&parsed(&written)), plain(&parsed(&text)), "{name}");
    } else {
        let again: A =
            serde_json::from_str(&written).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(again.to_json(), written, "{name}");
    }
}

/// A text with whole numbers spelled as Rust does: `2e1` as `20`, `2.0` as `2`. Texts that a tree
/// cannot hold stay as they are.
fn spelled(text: &str) -> String {
    fn whole(value: &mut Value) {
        match value {
            Value::Number(number) => {
                let near = number
                    .as_f64()
                    .filter(|it| it.fract() == 0.0 && it.abs() < 9e15);
                if let (Some(near), false) = (near, number.is_i64()) {
                    #[allow(clippy::cast_possible_truncation)]
                    let exact = near as i64;
                    *value = Value::from(exact);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(whole),
            Value::Object(map) => map.values_mut().for_each(whole),
            _ => {}
        }
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut tree) => {
            whole(&mut tree);
            tree.to_string()
        }
        Err(_) => text.to_owned(),
    }
}

#[test]
fn req_call_05_what_the_schema_accepts_of_an_action_is_written_the_same() {
    for (body, row) in rows("actions") {
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
            "resume_turn" => check_action::<action::ResumeTurn>(&row, &name),
            "ping" => check_action::<action::Ping>(&row, &name),
            other => panic!("no type for {other}"),
        }
    }
}
