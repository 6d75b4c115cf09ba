//! Tool calls and their results, as they travel in a `stream_chunk` by convention (REQ-TURN-19).

use serde_json::{Map, Value};

use crate::wire::events::StreamChunk;
use crate::wire::json::{Field, JsonObject};
use crate::wire::mend::member;
use crate::wire::types::ToolResult;

/// A tool call with its arguments as an object.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolCallView {
    /// Tool that runs.
    pub name: String,
    /// The object that came, else the one that a string holds, else an empty one.
    pub arguments: JsonObject,
    /// Instance of the call.
    pub call_id: Option<String>,
}

impl StreamChunk {
    /// The tool call that the chunk reports.
    pub fn tool_call(&self) -> Option<ToolCallView> {
        let call = self.carried("toolCall")?;
        Some(ToolCallView {
            name: text(&call, "name")?,
            arguments: call.get("arguments").and_then(object).unwrap_or_default(),
            call_id: text(&call, "callId"),
        })
    }

    /// The result of a tool call that the chunk reports.
    pub fn tool_result(&self) -> Option<ToolResult> {
        let found = self.carried("toolResult")?;
        let mut result = ToolResult::new(text(&found, "name")?);
        result.is_error = found.get("isError").and_then(Value::as_bool);
        // from the text itself: a number keeps its digits
        if let Some(returned) = member(self.convention("toolResult")?, "result")
            && returned != "null"
        {
            result.result = serde_json::from_str(returned).map_or(Field::Absent, Field::Value);
        }
        result.call_id = text(&found, "callId");
        Some(result)
    }

    /// Whether the chunk carries a tool's result, well-formed or not.
    pub(crate) fn has_tool_result(&self) -> bool {
        self.convention("toolResult")
            .is_some_and(|text| text.starts_with('{'))
    }

    fn carried(&self, name: &str) -> Option<Map<String, Value>> {
        serde_json::from_str(self.convention(name)?).ok()
    }

    fn convention(&self, name: &str) -> Option<&str> {
        match self.state().raw_response.as_ref() {
            Field::Value(raw) => member(raw.get(), name),
            Field::Absent | Field::Null => None,
        }
    }
}

fn text(tree: &Map<String, Value>, name: &str) -> Option<String> {
    tree.get(name)?.as_str().map(str::to_owned)
}

fn object(arguments: &Value) -> Option<JsonObject> {
    match arguments {
        Value::Object(map) => Some(map.clone().into()),
        Value::String(text) => match serde_json::from_str(text).ok()? {
            Value::Object(map) => Some(map.into()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::codec::decode;
    use crate::wire::events::{Event, StreamChunk};

    fn chunk(raw: &str) -> StreamChunk {
        let frame = format!(
            r#"{{"type":"stream_chunk","data":{{"requestId":"r","node":"n","state":{{"rawResponse":{raw}}}}}}}"#
        );
        match decode(&frame) {
            Ok(Event::StreamChunk(chunk)) => chunk,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn req_turn_19_arguments_are_an_object_also_when_they_came_as_text() {
        for arguments in [r#"{"q":1}"#, r#""{\"q\":1}""#] {
            let raw =
                format!(r#"{{"toolCall":{{"name":"find","arguments":{arguments},"callId":"c"}}}}"#);
            let call = chunk(&raw).tool_call().expect("a tool call");
            assert_eq!(
                (call.name.as_str(), call.arguments.get()),
                ("find", r#"{"q":1}"#)
            );
            assert_eq!(call.call_id.as_deref(), Some("c"));
        }
    }

    #[test]
    fn req_turn_19_a_result_is_typed_and_other_chunks_show_nothing() {
        let result = chunk(r#"{"toolResult":{"name":"find","isError":true,"result":null}}"#)
            .tool_result()
            .expect("a result");
        assert_eq!(
            (result.name.as_str(), result.is_error),
            ("find", Some(true))
        );
        for other in ["null", "7", "{}", r#"{"toolCall":7,"toolResult":[]}"#] {
            assert!(chunk(other).tool_call().is_none(), "{other}");
            assert!(chunk(other).tool_result().is_none(), "{other}");
        }
    }
}
