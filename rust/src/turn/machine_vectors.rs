//! The machines as printed step as the tables say: every vector of spec/vectors/machines.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::wire::codes::{Again, close_code, error_text, http_status};
use crate::wire::steps::{
    CALL, CONNECTION, CallState, CodeTerminal, ConnectionState, FRAME, Facts, FrameState, Machine,
    QUESTION_MACHINES, QUESTIONS, QuestionKind, QuestionState, Retry, SEQUENCE, Seq, SequenceState,
    Signal, TURN, TurnState, Verb,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors/machines")
}

fn word<T: Copy>(all: &[T], of: impl Fn(T) -> &'static str, value: &Value) -> T {
    *all.iter()
        .find(|it| value == of(**it))
        .expect("a word of the tables")
}

fn facts(raw: &Value) -> Facts<'_> {
    let mut found = Facts::default();
    for (name, value) in raw.as_object().expect("facts") {
        match name.as_str() {
            "status" => found.status = value.as_i64(),
            "attempts_remaining" => found.attempts_remaining = value.as_i64(),
            "code" => found.code = value.as_str(),
            "code_terminal" => {
                found.code_terminal = Some(word(CodeTerminal::ALL, CodeTerminal::as_str, value))
            }
            "verb" => found.verb = Some(word(Verb::ALL, Verb::as_str, value)),
            "turn" => found.turn = Some(word(TurnState::ALL, TurnState::as_str, value)),
            "retry" => found.retry = Some(word(Retry::ALL, Retry::as_str, value)),
            "said_terminal" => found.said_terminal = value.as_bool(),
            "tool_result" => found.tool_result = value.as_bool(),
            "may_have_left" => found.may_have_left = value.as_bool(),
            "auto_reconnect" => found.auto_reconnect = value.as_bool(),
            "retry_initial" => found.retry_initial = value.as_bool(),
            "token_renewable" => found.token_renewable = value.as_bool(),
            "sought" => found.sought = value.as_bool(),
            "resumable" => found.resumable = value.as_bool(),
            "unseen" => found.unseen = value.as_bool(),
            "cancelling" => found.cancelling = value.as_bool(),
            "asked_before" => found.asked_before = value.as_bool(),
            "named" => found.named = value.as_bool(),
            "error_retryable" => found.error_retryable = value.as_bool(),
            "resume_state" => found.resume_state = value.as_str(),
            "seq" => found.seq = Some(word(Seq::ALL, Seq::as_str, value)),
            "repeatable" => found.repeatable = value.as_bool(),
            "expired" => {
                let mut kinds = [false; QUESTIONS];
                for kind in value.as_array().expect("kinds") {
                    let at = QuestionKind::ALL.iter().position(|it| kind == it.as_str());
                    kinds[at.expect("a kind")] = true;
                }
                found.expired = Some(kinds);
            }
            other => panic!("the fact {other}"),
        }
    }
    found
}

fn signal(value: &Value) -> Signal {
    Signal::of(value.as_str().expect("an event")).expect("a known event")
}

fn replay<S, E>(
    machine: &Machine<S, E>,
    all: &[S],
    of: fn(S) -> &'static str,
    said: fn(&E) -> String,
) where
    S: Copy + PartialEq + std::fmt::Debug,
{
    let path = folder().join(format!("{}.json", machine.name));
    let table: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("text")).expect("JSON");
    assert_eq!(table["initial"], of(machine.initial));
    for vector in table["vectors"].as_array().expect("vectors") {
        let state = word(all, of, &vector["state"]);
        let (to, effects) = machine.step(state, signal(&vector["event"]), &facts(&vector["facts"]));
        let effects: Vec<_> = effects.iter().map(said).collect();
        assert_eq!(
            (of(to), Value::from(effects)),
            (
                vector["to"].as_str().expect("to"),
                vector["effects"].clone()
            ),
            "{vector}"
        );
    }
    for (name, events) in table["untouched"].as_object().expect("untouched") {
        let state = word(all, of, &Value::from(name.as_str()));
        for event in events.as_array().expect("events") {
            let (to, effects) = machine.step(state, signal(event), &Facts::default());
            assert!(to == state && effects.is_empty(), "{name} {event}");
        }
        let quiet = table["quiet"][name].as_array().cloned().unwrap_or_default();
        for event in events.as_array().expect("events").iter().chain(&quiet) {
            assert_eq!(
                machine.is_quiet(state, signal(event)),
                quiet.contains(event)
            );
        }
    }
}

/// `Settle(Failed, Some(Protocol))` as the specification writes it: `settle(failed, protocol)`.
fn said<E: std::fmt::Debug>(effect: &E) -> String {
    let text = format!("{effect:?}")
        .replace("Some(", "(")
        .replace(", None", "")
        .replace("(None)", "");
    let mut out = String::new();
    for sign in text.chars() {
        if sign.is_ascii_uppercase() && out.ends_with(|it: char| it.is_ascii_lowercase()) {
            out.push('_');
        }
        out.push(sign.to_ascii_lowercase());
    }
    let (name, args) = out
        .split_once('(')
        .map_or((out.as_str(), None), |(name, args)| (name, Some(args)));
    let args = args.map(|args| args.replace(['(', ')'], ""));
    args.map_or_else(|| name.to_owned(), |args| format!("{name}({args})"))
}

#[test]
fn req_turn_27_machines_step_as_the_vectors_say() {
    replay(&FRAME, FrameState::ALL, FrameState::as_str, said);
    replay(
        &CONNECTION,
        ConnectionState::ALL,
        ConnectionState::as_str,
        said,
    );
    replay(&CALL, CallState::ALL, CallState::as_str, said);
    replay(&SEQUENCE, SequenceState::ALL, SequenceState::as_str, said);
    replay(&TURN, TurnState::ALL, TurnState::as_str, said);
    for machine in QUESTION_MACHINES {
        replay(machine, QuestionState::ALL, QuestionState::as_str, said);
    }
    let machines = 5 + QUESTION_MACHINES.len();
    assert_eq!(
        std::fs::read_dir(folder()).expect("a folder").count(),
        machines
    );
}

#[test]
fn req_err_07_texts_leave_out_what_is_not_known() {
    let of = |known: &'static str, value: &'static str| {
        error_text("ConnectFailed", |name| match name {
            "host" => Some("h:1".to_owned()),
            name if name == known => Some(value.to_owned()),
            _ => None,
        })
    };
    assert!(of("reason", "refused").starts_with("Could not connect to h:1: refused."));
    assert!(of("status", "403").starts_with("Could not connect to h:1 (HTTP 403)."));
}

#[test]
fn req_conn_23_codes_are_found_by_their_first_row() {
    for (code, name) in [
        (1000, "normal"),
        (4408, "no_pong"),
        (4455, "refused"),
        (3000, "other"),
    ] {
        assert_eq!(close_code(code).expect("a row").name, name);
    }
    assert!(close_code(999).is_none());
    assert_eq!(http_status(302).expect("a row").retry, Again::No);
}
