//! Behaviour of the client against a small peer on a real socket: one behaviour a file.

mod api;
mod calls;
mod closing;
mod concurrency;
mod connecting;
mod conversations;
mod dropping;
mod errors;
mod failing;
mod frames;
mod fuzz;
mod history;
mod leaks;
mod listeners;
mod logging;
mod lone_answers;
mod peer;
mod questions;
mod readme;
mod shown;
mod streaming;
mod tls;
mod turns;
mod vectors;
mod virtual_time;
