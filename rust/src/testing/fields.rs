//! What the fields of an action must be (REQ-SRV-02, REQ-SRV-06).

use serde_json::{Map, Value};

/// Why an action is refused: a code of the protocol and a sentence without anybody's words.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) &'static str, pub(super) String);

pub(super) fn invalid(text: impl Into<String>) -> Refusal {
    Refusal("VALIDATION_ERROR", text.into())
}

/// What a field must be; sizes are of characters, or the number itself.
enum Rule {
    Text(usize, usize),
    Words(&'static [&'static str]),
    Skill,
    Flag,
    Number(i64, i64),
    Object(Rows),
    Texts,
    Objects(Rows),
}

/// A field: its name, whether it is needed, what it must be.
type Rows = &'static [(&'static str, bool, Rule)];

use Rule::{Flag, Number, Object, Objects, Skill, Text, Texts, Words};

const LONGEST: usize = usize::MAX;
const INTEGER: i64 = (1 << 53) - 1;
const AUTH: Rows = &[
    ("userId", true, Text(0, LONGEST)),
    ("signature", true, Text(0, LONGEST)),
    ("timestamp", true, Number(-INTEGER, INTEGER)),
];
const IMAGES: Rows = &[
    ("url", true, Text(0, LONGEST)),
    ("detail", false, Words(&["low", "high", "auto"])),
];
const FILES: Rows = &[
    ("name", true, Text(1, 255)),
    ("mimeType", false, Text(0, LONGEST)),
    ("url", true, Text(0, LONGEST)),
];

/// The fields of each action; what is not listed is ignored.
const ACTIONS: &[(&str, Rows)] = &[
    ("ping", &[]),
    (
        "create_conversation_session",
        &[
            ("agentId", true, Text(0, LONGEST)),
            ("conversationId", false, Text(0, LONGEST)),
            ("userName", false, Text(0, LONGEST)),
            ("userEmail", false, Text(0, LONGEST)),
            ("browserFingerprint", false, Text(0, LONGEST)),
            ("supports", false, Texts),
            ("metadata", false, Object(&[])),
            ("authContext", false, Object(AUTH)),
        ],
    ),
    ("get_session", &[("sessionId", true, Text(0, LONGEST))]),
    (
        "get_conversation_messages",
        &[
            ("sessionId", true, Text(0, LONGEST)),
            ("cursor", false, Text(0, LONGEST)),
            ("limit", false, Number(1, 100)),
        ],
    ),
    (
        "list_conversations",
        &[
            ("cursor", false, Text(0, LONGEST)),
            ("query", false, Text(0, LONGEST)),
            ("limit", false, Number(1, INTEGER)),
        ],
    ),
    (
        "rename_conversation",
        &[
            ("conversationId", true, Text(0, LONGEST)),
            ("title", true, Text(1, 200)),
        ],
    ),
    (
        "send_message",
        &[
            ("sessionId", true, Text(0, LONGEST)),
            ("message", true, Text(0, 10_000)),
            ("stream", false, Flag),
            ("model", false, Text(0, LONGEST)),
            ("skill", false, Skill),
            ("images", false, Objects(IMAGES)),
            ("files", false, Objects(FILES)),
        ],
    ),
    (
        "confirm_tool_action",
        &[
            ("requestId", true, Text(0, LONGEST)),
            ("sessionId", true, Text(0, LONGEST)),
            ("approved", true, Flag),
            ("confirmationId", false, Text(0, LONGEST)),
        ],
    ),
    (
        "verify_otp",
        &[
            ("requestId", true, Text(0, LONGEST)),
            ("sessionId", true, Text(0, LONGEST)),
            ("code", false, Text(0, LONGEST)),
            ("declined", false, Flag),
        ],
    ),
    (
        "submit_interaction",
        &[
            ("requestId", true, Text(0, LONGEST)),
            ("sessionId", true, Text(0, LONGEST)),
            ("interactionId", true, Text(0, LONGEST)),
            ("kind", false, Text(0, LONGEST)),
            ("values", false, Object(&[])),
            ("declined", false, Flag),
        ],
    ),
    ("cancel", &[("sessionId", false, Text(0, LONGEST))]),
    (
        "resume_turn",
        &[
            ("requestId", true, Text(1, LONGEST)),
            ("sessionId", true, Text(0, LONGEST)),
            ("afterSeq", true, Number(0, INTEGER)),
        ],
    ),
];

/// The action's known members, without nulls of optional ones.
pub(super) fn checked(frame: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let word = frame
        .get("action")
        .and_then(Value::as_str)
        .ok_or_else(|| invalid("/action is missing"))?;
    let (_, rows) = ACTIONS
        .iter()
        .find(|(known, _)| *known == word)
        .ok_or_else(|| Refusal("UNSUPPORTED_ACTION", "the action is unknown".to_owned()))?;
    let mut kept = Map::new();
    kept.insert("action".to_owned(), word.into());
    match frame.get("requestId") {
        None | Some(Value::Null) => {}
        Some(Value::String(id)) => {
            kept.insert("requestId".to_owned(), id.as_str().into());
        }
        Some(_) => return Err(invalid("/requestId must be text")),
    }
    members("", rows, frame)?;
    for (name, _, _) in *rows {
        if let Some(value) = frame.get(*name).filter(|it| !it.is_null()) {
            kept.insert((*name).to_owned(), value.clone());
        }
    }
    let declined = kept.get("declined") == Some(&Value::Bool(true));
    if word == "verify_otp" && !kept.contains_key("code") && !declined {
        return Err(invalid("/code is missing"));
    }
    Ok(kept)
}

fn members(at: &str, rows: Rows, given: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, needed, rule) in rows {
        let at = format!("{at}/{name}");
        match given.get(*name).filter(|it| !it.is_null()) {
            None if *needed => return Err(invalid(at + " is missing")),
            None => {}
            Some(value) => rule.check(&at, value)?,
        }
    }
    Ok(())
}

impl Rule {
    fn check(&self, at: &str, value: &Value) -> Result<(), Refusal> {
        let bad = |what: &str| Err(invalid(format!("{at} {what}")));
        match (self, value) {
            (Text(least, most), Value::String(text)) => {
                match (*least..=*most).contains(&text.chars().count()) {
                    true => Ok(()),
                    false => bad("is too short or too long"),
                }
            }
            (Words(words), Value::String(text)) => match words.contains(&text.as_str()) {
                true => Ok(()),
                false => bad("is none of its values"),
            },
            (Skill, Value::String(text)) => {
                let fits = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
                match (1..=128).contains(&text.len()) && text.chars().all(fits) {
                    true => Ok(()),
                    false => bad("has characters that it cannot have"),
                }
            }
            (Flag, Value::Bool(_)) => Ok(()),
            (Number(least, most), Value::Number(number)) => match whole(number) {
                None => bad("must be a whole number"),
                Some(n) if !(*least..=*most).contains(&n) => bad("is out of its bounds"),
                Some(_) => Ok(()),
            },
            (Object(rows), Value::Object(given)) => members(at, rows, given),
            (Texts, Value::Array(items)) => match items.iter().all(Value::is_string) {
                true => Ok(()),
                false => bad("holds something of the wrong type"),
            },
            (Objects(rows), Value::Array(items)) => {
                for (place, item) in items.iter().enumerate() {
                    match item.as_object() {
                        Some(given) => members(&format!("{at}/{place}"), rows, given)?,
                        None => return bad("holds something of the wrong type"),
                    }
                }
                Ok(())
            }
            _ => bad("is of the wrong type"),
        }
    }
}

/// A number without a fraction, `7.0` among them.
#[allow(clippy::cast_possible_truncation)] // what does not fit is out of every bound
pub(super) fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let value = number.as_f64()?;
        (value.fract() == 0.0).then_some(value as i64)
    })
}
