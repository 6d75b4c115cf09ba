//! The facts of single steps, for what their short form does not say.

use serde_json::{Map, Value, json};

use super::reply::Reply;

/// A confirmation; a text alone is its description.
#[derive(Debug, Clone)]
pub struct Confirm {
    pub(super) description: String,
    pub(super) tool_id: String,
    pub(super) rejected: Option<Reply>,
}

impl Confirm {
    /// A confirmation of the tool `fake_tool`, after whose refusal the steps go on as well.
    pub fn new(description: impl Into<String>) -> Self {
        Self {
            description: description.into(),
            tool_id: "fake_tool".to_owned(),
            rejected: None,
        }
    }

    /// The tool that waits.
    pub fn tool_id(mut self, tool: impl Into<String>) -> Self {
        self.tool_id = tool.into();
        self
    }

    /// What runs in the place of the steps that follow when the human says no, or nothing in time.
    pub fn rejected(mut self, reply: Reply) -> Self {
        self.rejected = Some(reply);
        self
    }
}

impl<T: Into<String>> From<T> for Confirm {
    fn from(description: T) -> Self {
        Self::new(description)
    }
}

/// A one-time code.
#[derive(Debug, Clone)]
pub struct Otp {
    pub(super) code: String,
    pub(super) attempts: u32,
    pub(super) channel: String,
    pub(super) masked: String,
    pub(super) tool_id: String,
    pub(super) fails: bool,
}

impl Otp {
    /// The code 123456, sent by e-mail to `a***@example.com`, with three attempts.
    pub fn new() -> Self {
        Self {
            code: "123456".to_owned(),
            attempts: 3,
            channel: "email".to_owned(),
            masked: "a***@example.com".to_owned(),
            tool_id: "fake_tool".to_owned(),
            fails: false,
        }
    }

    /// The right code.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// How many tries there are.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn attempts(mut self, tries: u32) -> Self {
        assert!(tries > 0, "otp() needs at least 1 attempt");
        self.attempts = tries;
        self
    }

    /// How the code travels: `email` or `sms`.
    ///
    /// # Panics
    /// With another word.
    #[track_caller]
    pub fn channel(mut self, channel: &str) -> Self {
        assert!(
            ["email", "sms"].contains(&channel),
            "otp() knows no channel {channel:?}"
        );
        channel.clone_into(&mut self.channel);
        self
    }

    /// Where it was sent to, as far as it may be shown.
    pub fn masked(mut self, destination: impl Into<String>) -> Self {
        self.masked = destination.into();
        self
    }

    /// The tool that needs the code.
    pub fn tool_id(mut self, tool: impl Into<String>) -> Self {
        self.tool_id = tool.into();
        self
    }
}

impl Default for Otp {
    fn default() -> Self {
        Self::new()
    }
}

/// What a `stream_chunk` shows; a text alone is its node.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub(super) node: String,
    pub(super) shown: Vec<Value>,
}

impl Chunk {
    /// A chunk of a node that shows nothing else.
    pub fn new(node: impl Into<String>) -> Self {
        Self {
            node: node.into(),
            shown: Vec::new(),
        }
    }

    /// Shows a call of a tool, in a frame of its own.
    pub fn tool_call(mut self, name: impl Into<String>, arguments: Value) -> Self {
        self.shown
            .push(json!({"toolCall": {"name": name.into(), "arguments": arguments}}));
        self
    }

    /// Shows the result of a tool, in a frame of its own.
    pub fn tool_result(mut self, name: impl Into<String>, result: Value) -> Self {
        self.shown
            .push(json!({"toolResult": {"name": name.into(), "result": result}}));
        self
    }
}

impl<T: Into<String>> From<T> for Chunk {
    fn from(node: T) -> Self {
        Self::new(node)
    }
}

/// The answer that ends a turn.
#[derive(Debug, Clone, Default)]
pub struct Finish {
    pub(super) text: Option<String>,
    pub(super) citations: Vec<Value>,
    pub(super) usage: Option<Map<String, Value>>,
    pub(super) suggestions: Vec<String>,
}

impl Finish {
    /// The tokens, joined, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// The whole answer.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// A source of the answer.
    pub fn citation(mut self, id: &str, title: &str, snippet: &str) -> Self {
        self.citations
            .push(json!({"id": id, "title": title, "snippet": snippet, "score": 1.0}));
        self
    }

    /// What the turn spent, in tokens.
    pub fn usage(mut self, prompt_tokens: u32, completion_tokens: u32) -> Self {
        let mut usage = Map::new();
        usage.insert("promptTokens".to_owned(), prompt_tokens.into());
        usage.insert("completionTokens".to_owned(), completion_tokens.into());
        self.usage = Some(usage);
        self
    }

    /// A next action for the person.
    pub fn suggestion(mut self, action: impl Into<String>) -> Self {
        self.suggestions.push(action.into());
        self
    }
}
