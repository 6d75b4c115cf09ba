//! The streaming bench in Rust: one turn's tokens through `raw` frames, a `bare` loop of WebSocket
//! library and JSON parser, or the public `client`. Prints one line of JSON.

mod client;
mod measure;
mod plain;

use std::error::Error;
use std::time::Duration;

use measure::Tally;

/// What the command line asks for.
#[derive(Clone)]
pub struct Plan {
    mode: String,
    url: String,
    events: u64,
    reader: String,
    late: Duration,
    turns: u64,
    clients: u64,
    ping: bool,
    single: bool,
}

fn main() {
    let plan = plan(&std::env::args().collect::<Vec<_>>());
    let mut builder = if plan.single {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = builder.enable_all().build().expect("a runtime");
    let done: Result<Tally, Box<dyn Error>> = runtime.block_on(async {
        match plan.mode.as_str() {
            "client" => client::run(&plan).await,
            mode => plain::run(&plan, mode == "bare").await,
        }
    });
    match done.and_then(|tally| tally.checked(&plan)) {
        Ok(line) => println!("{line}"),
        Err(problem) => {
            eprintln!("{}: {problem}", plan.mode);
            std::process::exit(1);
        }
    }
}

fn plan(words: &[String]) -> Plan {
    let at = |name: &str| words.iter().position(|word| word == name);
    let text = |name: &str, default: &str| {
        at(name).map_or(default.to_owned(), |found| words[found + 1].clone())
    };
    let number = |name: &str, default: &str| text(name, default).parse().expect("a number");
    Plan {
        mode: text("--mode", "client"),
        url: text("--url", ""),
        events: number("--events", "200000"),
        reader: text("--reader", "now"),
        late: Duration::from_millis(number("--late-ms", "8000")),
        turns: number("--turns", "1"),
        clients: number("--clients", "1"),
        ping: at("--ping").is_some(),
        single: text("--socket", "multi") == "single",
    }
}
