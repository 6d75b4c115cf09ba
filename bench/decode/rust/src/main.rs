//! Decode of one frame in Rust against `serde_json::Value`, in alternating rounds of one process.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use serde_json::{json, Value};

const ROUNDS: usize = 25;
const COUNT: u32 = 20_000;

fn nanoseconds(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..COUNT {
        run();
    }
    start.elapsed().as_nanos() as f64 / f64::from(COUNT)
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: decode-bench frames.json");
    let text = std::fs::read_to_string(path).expect("frames.json");
    let frames: BTreeMap<String, String> = serde_json::from_str(&text).expect("an object of texts");
    for (frame, text) in &frames {
        let (mut plain, mut decode) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(nanoseconds(|| {
                black_box(serde_json::from_str::<Value>(black_box(text)).expect("JSON"));
            }));
            decode.push(nanoseconds(|| {
                black_box(smooth_operator::decode(black_box(text)).expect("an event"));
            }));
        }
        println!("{}", json!({"frame": frame, "plain": plain, "decode": decode}));
    }
}
