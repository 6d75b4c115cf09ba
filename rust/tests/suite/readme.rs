//! The blocks of the README are the examples of this package, and they run against the
//! demonstration server.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Ends a wait for a program; it has to be started, also on a machine that has much to do.
async fn started<F: Future>(future: F) -> F::Output {
    let limit = Duration::from_secs(120);
    let done = tokio::time::timeout(limit, future).await;
    done.expect("the program took too long")
}

const PRINTED: &str = "\"ws://127.0.0.1:8787/ws\"";
const READ: &str = "std::env::var(\"SMOOTH_OPERATOR_URL\")?";

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn block(name: &str) -> String {
    let readme = std::fs::read_to_string(package().join("README.md")).expect("a README");
    let start = format!("<!-- run: {name} -->\n```rust,no_run\n");
    let (_, rest) = readme.split_once(&start).expect("the block");
    rest.split_once("```").expect("its end").0.to_owned()
}

/// The demonstration server on a free port, and its URL.
async fn demo() -> (Option<Child>, String) {
    if let Ok(url) = std::env::var("SMOOTH_OPERATOR_URL") {
        return (None, url);
    }
    let program = package().join("../.venv/bin/smooth-operator-server");
    let mut child = Command::new(&program)
        .args(["--demo", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `make setup-python` installs it",
                program.display()
            )
        });
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = started(lines.next_line())
        .await
        .expect("text")
        .expect("a line");
    let url = line.trim_start_matches("listening on ").trim().to_owned();
    (Some(child), url)
}

/// Runs an example that `cargo test` has built beside this test.
async fn example(name: &str, url: &str) -> String {
    let here = std::env::current_exe().expect("this test");
    let program: PathBuf = here
        .ancestors()
        .nth(2)
        .expect("a folder")
        .join("examples")
        .join(name);
    let run = Command::new(&program)
        .env("SMOOTH_OPERATOR_URL", url)
        .kill_on_drop(true)
        .output();
    let done = started(run)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{text} {}",
        String::from_utf8_lossy(&done.stderr)
    );
    text
}

#[tokio::test]
async fn the_blocks_run_as_printed() {
    let (_server, url) = demo().await;
    for (name, shown) in [
        ("quickstart", ["17-day return window", "returns.md"]),
        ("questions", ["approved:", "completed"]),
        ("resuming", ["1 2 3 ", "cancelled"]),
    ] {
        let file = package().join("examples").join(name).with_extension("rs");
        let code = std::fs::read_to_string(file).expect("an example");
        assert_eq!(
            block(name),
            code.replace(READ, PRINTED),
            "README.md and examples/{name}.rs differ"
        );
        let text = example(name, &url).await;
        for part in shown {
            assert!(text.contains(part), "{name} printed {text}");
        }
    }
}
