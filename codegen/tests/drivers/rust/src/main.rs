//! Replay frames through generated Rust: JSON lines in, one verdict a line out.
//! A line in: `{protocol, role, name, text}`; a line out: `{outcome, problem, encoded}`.

// One crate of many documents: the names of one may look like those of another.
#![allow(confusable_idents, mixed_script_confusables)]

use std::io::{BufRead, Write};

use serde::Deserialize;
use serde_json::{json, value::RawValue};

#[derive(Deserialize)]
struct Line {
    protocol: String,
    role: String,
    name: String,
    text: String,
}

macro_rules! replay {
    ($wire:ident, $typed:ident) => {
        pub fn replay(line: &super::Line) -> String {
            use crate::$wire::codec::{DecodeError, decode};
            use crate::$wire::events::{Event, Problem};
            let broken = |problem: &Problem| {
                super::json!({"outcome": "broken", "problem": {"kind": problem.kind, "pointer": problem.pointer}}).to_string()
            };
            let good = |text: &str| format!("{{\"outcome\":\"good\",\"encoded\":{text}}}");
            if line.role == "type" {
                return match super::$typed(&line.name, &line.text) {
                    Some(Ok(text)) => good(&text),
                    Some(Err(problem)) => broken(&problem),
                    None => String::from("{\"outcome\":\"no type\"}"),
                };
            }
            match decode(&line.text) {
                Err(DecodeError::Malformed) => super::json!({"outcome": "malformed"}).to_string(),
                Err(DecodeError::Broken(event)) => match event.problem() {
                    Some(problem) => broken(problem),
                    None => String::from("{}"),
                },
                Ok(Event::Unknown(event)) => {
                    let text: &super::RawValue = serde_json::from_str(event.raw()).unwrap();
                    format!("{{\"outcome\":\"unknown\",\"encoded\":{}}}", text.get())
                }
                Ok(event) if line.role == "event" => good(event.to_json()),
                Ok(event) => match super::$wire(&line.name, &event) {
                    Some(Ok(text)) => good(&text),
                    Some(Err(problem)) => broken(&problem),
                    None => String::from("{\"outcome\":\"no call\"}"),
                },
            }
        }
    };
}

macro_rules! calls {
    ($wire:ident { $($name:literal => $action:ident as $text:expr),* }) => {
        #[allow(unused_variables)]
        fn $wire(name: &str, event: &$wire::events::Event) -> Option<Result<String, $wire::events::Problem>> {
            #[allow(unused_imports)]
            use $wire::actions::Call as _;
            match name {
                $($name => $wire::actions::$action::read(event).map(|found| found.map($text)),)*
                _ => None,
            }
        }
    };
}

macro_rules! types {
    ($wire:ident, $typed:ident { $($name:literal => $type:ident),* }) => {
        #[allow(unused_variables)]
        fn $typed(name: &str, text: &str) -> Option<Result<String, $wire::events::Problem>> {
            match name {
                $($name => Some($wire::types::$type::from_json(text).map(|it| serde_json::to_string(&it).unwrap())),)*
                _ => None,
            }
        }
    };
}

include!("protocols.rs");

fn main() {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for text in std::io::stdin().lock().lines() {
        let line: Line = serde_json::from_str(&text.unwrap()).unwrap();
        writeln!(out, "{}", replay(&line).replace(['\n', '\r'], " ")).unwrap();
    }
}
