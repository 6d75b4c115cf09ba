//! A script file of `smooth-operator-server --script`, in the place of replies.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::facts::{Confirm, Finish, Otp};
use super::forms::{CHOICES, Form, IDENTITY_INTAKE};
use super::reply::{Step, Usage};
use super::state::World;
use super::turns::Then;

/// Why a script cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError(pub(super) String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}

/// What a script file says; its entries are consumed in order over all turns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Script {
    model: VecDeque<Entry>,
    #[serde(default)]
    tools: Vec<Tool>,
    #[serde(default)]
    confirm_tools: Vec<String>,
    #[serde(default)]
    knowledge: Vec<Document>,
    otp: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry {
    text: Option<String>,
    tool_call: Option<Call>,
    reasoning: Option<String>,
    preamble: Option<String>,
    error: Option<String>,
    delay_ms: Option<u64>,
    usage: Option<Spent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: serde_json::Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spent {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    cost_usd: Option<f64>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    description: Option<String>,
    #[serde(rename = "parameters")]
    _parameters: Option<Value>,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    confirm: bool,
    auth: Option<Auth>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Auth {
    EndUser,
    Admin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    source: String,
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Secret {
    code: String,
    attempts: Option<u32>,
    channel: Option<String>,
    #[serde(default)]
    send_fails: bool,
}

impl Script {
    pub(super) fn read(document: &str) -> Result<Self, ScriptError> {
        let script: Self = serde_json::from_str(document)
            .map_err(|error| ScriptError(format!("the script is no script file: {error}")))?;
        let wrong = |what: String| Err(ScriptError(format!("the script: {what}")));
        for (place, entry) in script.model.iter().enumerate() {
            let steps = [&entry.text, &entry.reasoning, &entry.preamble, &entry.error];
            let steps =
                steps.into_iter().flatten().count() + usize::from(entry.tool_call.is_some());
            if steps > 1 || (steps == 0 && entry.delay_ms.is_none()) {
                return wrong(format!("/model/{place} must be one step"));
            }
        }
        match &script.otp {
            Some(otp) if otp.code.is_empty() => wrong("/otp/code is missing".to_owned()),
            Some(otp) if otp.attempts == Some(0) => {
                wrong("/otp/attempts must be at least 1".to_owned())
            }
            Some(otp) if !matches!(otp.channel.as_deref(), None | Some("email" | "sms")) => {
                wrong("/otp/channel must be email or sms".to_owned())
            }
            _ => Ok(script),
        }
    }
}

/// The words of a text, each with the blank behind it.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_inclusive(' ').map(str::to_owned)
}

impl Entry {
    /// What it costs: a text or a call that does not say counts 10 and 5.
    fn spent(&self) -> Option<Spent> {
        let free = self.usage.is_none() && self.text.is_none() && self.tool_call.is_none();
        (!free).then(|| {
            let given = self.usage.as_ref();
            Spent {
                prompt_tokens: given.and_then(|it| it.prompt_tokens).or(Some(10)),
                completion_tokens: given.and_then(|it| it.completion_tokens).or(Some(5)),
                cost_usd: given.and_then(|it| it.cost_usd),
            }
        })
    }
}

fn add(usage: &mut Usage, more: &Spent) {
    for (name, count) in [
        ("promptTokens", more.prompt_tokens),
        ("completionTokens", more.completion_tokens),
    ] {
        let before = usage.get(name).and_then(Value::as_u64).unwrap_or_default();
        usage.insert(name.to_owned(), (before + count.unwrap_or_default()).into());
    }
    if let Some(cost) = more.cost_usd {
        let before = usage.get("costUsd").and_then(Value::as_f64);
        usage.insert(
            "costUsd".to_owned(),
            (before.unwrap_or_default() + cost).into(),
        );
    }
}

impl World {
    /// Reads the next entry of the script.
    pub(super) fn next_entry(&mut self, turn: usize) {
        let entry = self.script.as_mut().and_then(|it| it.model.pop_front());
        let Some(entry) = entry else {
            self.fail(turn, "AGENT_ERROR", "the script has no model entry left");
            return;
        };
        let it = &mut self.turns[turn];
        if let Some(spent) = entry.spent() {
            add(it.usage.get_or_insert_default(), &spent);
        }
        let mut steps: VecDeque<Step> = VecDeque::new();
        steps.extend(entry.delay_ms.map(Duration::from_millis).map(Step::Delay));
        if let Some(text) = entry.text {
            steps.extend(words(&text).map(Step::Token));
            let answer = Finish {
                citations: it.found.clone(),
                ..Finish::new().text(text)
            };
            steps.push_back(Step::Finish(answer));
        } else if let Some(error) = entry.error {
            steps.push_back(Step::Error("AGENT_ERROR".to_owned(), error));
        } else {
            steps.extend(
                entry
                    .tool_call
                    .map(|call| Step::Tool(call.name, Value::Object(call.arguments))),
            );
            let reasoning = entry.reasoning.unwrap_or_default();
            steps.extend(words(&reasoning).map(Step::Reasoning));
            let preamble = entry.preamble.unwrap_or_default();
            steps.extend(words(&preamble).map(Step::Preamble));
            steps.push_back(Step::Script);
        }
        it.steps = steps;
    }

    /// Runs a tool: first what has to be asked (REQ-SRV-04).
    pub(super) fn call_tool(&mut self, turn: usize, name: &str, arguments: Value) {
        let Some(script) = &self.script else { return };
        let Some(tool) = script.tools.iter().find(|it| it.name == name).cloned() else {
            self.built_in(turn, name, arguments);
            return;
        };
        let gated = script
            .confirm_tools
            .iter()
            .any(|part| name.contains(part.as_str()));
        let session = &self.sessions[&self.turns[turn].session];
        let verified = session.verified;
        let then = |by_code| {
            Then::Tool(
                name.to_owned(),
                arguments.clone(),
                tool.result.clone(),
                by_code,
            )
        };
        match tool.auth {
            Some(Auth::Admin) => self.tool_done(turn, name, &arguments, None),
            Some(Auth::EndUser) if !verified => match self.code_of(turn, name) {
                Some(otp) => self.otp(turn, &otp, then(true)),
                None => self.tool_done(turn, name, &arguments, None),
            },
            _ if tool.confirm || gated => {
                let description = tool.description.unwrap_or_else(|| format!("Run {name}"));
                let confirm = Confirm::new(description).tool_id(name);
                self.confirm(turn, &confirm, then(false));
            }
            _ => self.tool_done(turn, name, &arguments, Some(tool.result)),
        }
    }

    /// The code of the script, for this session.
    fn code_of(&self, turn: usize, tool: &str) -> Option<Otp> {
        let secret = self.script.as_ref()?.otp.as_ref()?;
        let mut otp = Otp::new().code(secret.code.as_str()).tool_id(tool);
        otp.attempts = secret.attempts.unwrap_or(otp.attempts);
        otp.fails = secret.send_fails;
        if let Some(channel) = &secret.channel {
            otp.channel.clone_from(channel);
        }
        let email = self.sessions[&self.turns[turn].session].email.as_deref();
        if let Some((local, domain)) = email.and_then(|it| it.split_once('@')) {
            let first: String = local.chars().take(1).collect();
            otp.masked = format!("{first}***@{domain}");
        }
        Some(otp)
    }

    /// Shows a call and its result; none for one that was denied.
    pub(super) fn tool_done(
        &mut self,
        turn: usize,
        name: &str,
        arguments: &Value,
        result: Option<Value>,
    ) {
        let denied = result.is_none();
        let result = result.unwrap_or_else(|| "denied".into());
        let call = json!({"toolCall": {"name": name, "arguments": arguments}});
        let done = json!({"toolResult": {"name": name, "isError": denied, "result": result}});
        let it = &mut self.turns[turn];
        it.steps
            .push_front(Step::Chunk(name.to_owned(), Some(done)));
        it.steps
            .push_front(Step::Chunk(name.to_owned(), Some(call)));
    }

    /// Runs the tools that every script has.
    fn built_in(&mut self, turn: usize, name: &str, arguments: Value) {
        let kind = match name {
            "request_identity_intake" => IDENTITY_INTAKE,
            "request_choices" => CHOICES,
            "knowledge_search" => {
                let found = self.search(turn, arguments["query"].as_str().unwrap_or_default());
                self.tool_done(turn, name, &arguments, Some(found));
                return;
            }
            _ => {
                let why = Value::from("there is no tool of this name");
                self.tool_done(turn, name, &arguments, Some(why));
                return;
            }
        };
        let reason = arguments["reason"].as_str().unwrap_or_default().to_owned();
        let told = match Form::new(kind, longhand(kind, &arguments)) {
            Err(wrong) => wrong,
            Ok(form) => {
                let session = &self.sessions[&self.turns[turn].session];
                if session.knows(form.word) {
                    let then = Then::Form(name.to_owned(), arguments);
                    self.interaction(turn, Arc::new(form), &reason, then);
                    return;
                }
                "The client shows no forms: ask in words.".to_owned()
            }
        };
        self.tool_done(turn, name, &arguments, Some(told.into()));
    }

    /// Finds the documents that have a longer word of the query, and cites them.
    fn search(&mut self, turn: usize, query: &str) -> Value {
        let query = query.to_lowercase();
        let words: Vec<&str> = query.split_whitespace().filter(|it| it.len() > 3).collect();
        let script = self.script.as_ref();
        let all = script.map(|it| it.knowledge.as_slice()).unwrap_or_default();
        let found: Vec<&Document> = all
            .iter()
            .filter(|it| {
                words
                    .iter()
                    .any(|word| it.content.to_lowercase().contains(word))
            })
            .collect();
        self.turns[turn].found.extend(found.iter().map(
            |it| json!({"id": it.source, "title": it.source, "snippet": it.content, "score": 1.0}),
        ));
        found.iter().map(|it| it.content.as_str()).collect()
    }
}

/// The spec that arguments stand for: a bare word is a field that must be given, or an option.
fn longhand(kind: &str, arguments: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    if kind == IDENTITY_INTAKE {
        let fields = list(&arguments["fields"]).into_iter().map(|it| match it {
            Value::String(key) => json!({"key": key, "required": true}),
            other => other,
        });
        return json!({"fields": fields.collect::<Vec<_>>()});
    }
    let mut questions = list(&arguments["questions"]);
    for question in &mut questions {
        let options = question.get_mut("options").and_then(Value::as_array_mut);
        for option in options.into_iter().flatten() {
            if let Value::String(label) = option {
                *option = json!({"label": label});
            }
        }
    }
    json!({"questions": questions})
}
