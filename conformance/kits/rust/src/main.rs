//! Launcher of the Rust testing kit: a fake server on loopback under a script file (TESTING-KIT.md, 6).
//! Ends with its stdin, where that is a pipe, or by SIGTERM.

use std::error::Error;
use std::os::unix::fs::FileTypeExt as _;

use smooth_operator::testing::FakeServer;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (mut script, mut port) = (None, 0);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--script" => script = Some(std::fs::read_to_string(value)?),
            "--port" => port = value.parse()?,
            _ => return Err(format!("{word} is no option: --script FILE, --port N").into()),
        }
    }
    let server = FakeServer::new();
    match script {
        Some(script) => server.script(&script)?,
        None => drop(server.on_message(()).tokens(["Hello", " there."]).finish()),
    }
    let mut told = signal(SignalKind::terminate())?;
    println!("listening on {}", server.listen_on(port).await?);
    tokio::select! {
        _ = told.recv() => {}
        () = stdin_ends() => {}
    }
    Ok(())
}

/// Waits for the end of a pipe; other kinds of stdin never end.
async fn stdin_ends() {
    let piped = std::fs::metadata("/dev/stdin").is_ok_and(|it| it.file_type().is_fifo());
    if piped {
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
    } else {
        std::future::pending().await
    }
}
