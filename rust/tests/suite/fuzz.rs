//! The decoder under arbitrary input: it never panics, and what it reads it writes again.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use smooth_operator::{DecodeError, decode};

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "type",
            "data",
            "requestId",
            "token",
            "status",
            "error",
            "code",
            "timestamp"
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,4}",
    ]
}

fn event_type() -> impl Strategy<Value = String> {
    let known = vec![
        "stream_token",
        "eventual_response",
        "error",
        "cancelled",
        "pong",
        "stream_chunk",
        "otp_sent",
    ];
    prop_oneof![
        prop::sample::select(known).prop_map(str::to_owned),
        "[a-z_]{1,8}"
    ]
}

proptest! {
    #[test]
    fn req_wire_04_any_text_is_an_event_or_an_error(text in "\\PC{0,64}") {
        let _ = decode(&text);
    }

    #[test]
    fn req_wire_06_reading_what_was_written_changes_nothing(word in event_type(), body in tree()) {
        let mut frame = json!({"type": word});
        if let Value::Object(members) = body {
            for (name, value) in members.into_iter().filter(|(name, _)| name != "type") {
                frame[name] = value;
            }
        }
        let text = frame.to_string();
        match decode(&text) {
            Ok(event) => {
                prop_assert_eq!(event.raw(), text.as_str());
                let again = decode(event.to_json()).expect("what was written is good");
                prop_assert_eq!(again.to_json(), event.to_json());
                prop_assert_eq!(again.facts(), event.facts());
            }
            Err(DecodeError::Broken(event)) => prop_assert!(event.problem().is_some()),
            Err(_) => prop_assert!(false, "a frame with a type is not malformed: {}", text),
        }
    }

    #[test]
    fn req_wire_09_deep_and_doubled_frames_do_not_crash(depth in 1_usize..3_000, twice in any::<bool>()) {
        let nested = "[".repeat(depth) + &"]".repeat(depth);
        let again = if twice { r#","type":"stream_token","requestId":"a","requestId":"b""# } else { "" };
        let _ = decode(&format!(r#"{{"type":"immediate_response","data":{{"x":{nested}}}{again}}}"#));
    }
}
