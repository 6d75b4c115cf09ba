//! Frames read by comparison against the full decode: whatever a frame is, both ways give the same.

use crate::wire::codec::{DecodeError, correlation, decode};
use crate::wire::events::Event;
use crate::wire::learned::{Frame, Reader};

/// Frames of one run; `COMPARED_FRAMES` asks for more.
const FRAMES: u64 = 60_000;

/// A small generator of numbers (xorshift): the same frames at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}

const SHAPES: &[&str] = &[
    r#"{"type":"TYPE","requestId":"r","token":TOKEN,"data":{"requestId":"r","token":TOKEN},"timestamp":TIME}"#,
    r#"{"timestamp":TIME,"data":{"token":TOKEN,"requestId":"r"},"type":"TYPE"}"#,
    r#"{ "type" : "TYPE", "x": [TIME, TOKEN], "data" : { "requestId":"r", "token" : TOKEN } }"#,
    r#"{"type":"TYPE","requestId":"é","token":TOKEN,"data":{"requestId":"é","token":OTHER},"timestamp":TIME}"#,
    r#"{"type":"TYPE","data":{"requestId":"r","token":OTHER,"token":TOKEN},"timestamp":TIME}"#,
    r#"{"type":"TYPE","data":{"requestId":"r"},"token":TOKEN,"timestamp":TIME}"#,
    r#"{"type":"TYPE","data":{"requestId":"r","token":TOKEN},"timestamp":TIME,"timestamp":8}"#,
    r#"{"type":"stream_chunk","requestId":"r","data":{"requestId":"r","node":TOKEN,"state":{}},"timestamp":TIME}"#,
    r#"{"type":"keepalive","data":{"requestId":"r"},"timestamp":TIME}"#,
];
const TYPES: &[&str] = &["stream_token", "stream_preamble", "stream_reasoning"];
const TOKENS: &[&str] = &[
    r#""""#,
    r#""a""#,
    r#""a b""#,
    r#""0""#,
    r#""false""#,
    r#""\n""#,
    r#""\"q\"""#,
    r#""\\""#,
    r#""\u0041""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""é😀""#,
    r#""\/""#,
    r#""\x""#,
    r#""\u12""#,
    "\"\u{1}\"",
    "\"\t\"",
    r#""},"token":"b""#,
    "null",
    "7",
    "true",
    r#"{"a":1}"#,
    r#"["a"]"#,
    "\"",
    r#""a"#,
    r#""\"#,
];
const TIMES: &[&str] = &[
    "1764000000000",
    "0",
    "7",
    "-1",
    "-0",
    "1.0",
    "1e3",
    "1.5",
    "01",
    "9007199254740993",
    "999999999999999",
    "1000000000000000",
    "123456789012345678901",
    "null",
    "\"7\"",
    "true",
    "",
];
const NOISE: &[&str] = &[
    "\"", "\\", "{", "}", ",", ":", "0", "1", "e", " ", "a", "\\u0000", "é", "null",
];

fn frame(dice: &mut Dice) -> String {
    let tame = dice.roll(4) > 0;
    let (tokens, times) = if tame {
        (&TOKENS[..5], &TIMES[..3])
    } else {
        (TOKENS, TIMES)
    };
    let token = dice.one(tokens).to_owned();
    let other = if dice.roll(3) == 0 {
        dice.one(tokens)
    } else {
        &token
    };
    let mut frame = dice
        .one(SHAPES)
        .replace("TYPE", dice.one(TYPES))
        .replace("OTHER", other)
        .replace("TOKEN", &token)
        .replace("TIME", dice.one(times));
    if dice.roll(5) == 0 {
        let places: Vec<usize> = (0..=frame.len())
            .filter(|at| frame.is_char_boundary(*at))
            .collect();
        let (one, two) = (
            places[dice.roll(places.len())],
            places[dice.roll(places.len())],
        );
        let cut = if dice.roll(2) == 0 {
            one..one
        } else {
            one.min(two)..(one.min(two) + 3).min(one.max(two))
        };
        if frame.is_char_boundary(cut.end) {
            frame.replace_range(
                cut,
                if dice.roll(2) == 0 {
                    dice.one(NOISE)
                } else {
                    ""
                },
            );
        }
    }
    frame
}

/// Everything that an event shows.
fn shown(read: &Result<Event, DecodeError>) -> String {
    match read {
        Ok(event) => format!(
            "{:?} {:?} {:?} {} {} {:?} {}",
            event.event_type(),
            correlation(event),
            event.request_id(),
            event.raw(),
            event.to_json(),
            event.facts(),
            matches!(event, Event::StreamToken(token) if token.merged() != 1),
        ),
        Err(DecodeError::Broken(event)) => format!("{event:?} {}", event.raw()),
        Err(DecodeError::Malformed) => "malformed".to_owned(),
    }
}

#[test]
fn req_wire_06_a_frame_read_by_comparison_is_the_same_event_as_one_read_in_full() {
    let asked = std::env::var("COMPARED_FRAMES")
        .ok()
        .and_then(|count| count.parse().ok());
    let mut dice = Dice(0x5eed_cafe);
    let (mut reader, mut by_comparison) = (Reader::new(true), 0_u64);
    for count in 0..asked.unwrap_or(FRAMES) {
        if count % 500 == 0 {
            reader = Reader::new(true);
        }
        if count % 64 == 0 {
            reader.begin();
        }
        let text = frame(&mut dice);
        let read = match reader.read(&text) {
            Frame::Read(read) => read,
            Frame::Like(number, fit) => {
                by_comparison += 1;
                Ok(reader.patterns()[number].event_of(&text, fit))
            }
        };
        assert_eq!(shown(&read), shown(&decode(&text)), "{text}");
    }
    assert!(
        by_comparison > FRAMES / 10,
        "only {by_comparison} were read by comparison"
    );
}

#[test]
fn req_wire_06_without_the_switch_nothing_is_learned() {
    let mut reader = Reader::new(false);
    let text = SHAPES[0]
        .replace("TYPE", TYPES[0])
        .replace("TOKEN", "\"a\"")
        .replace("TIME", "1");
    for _ in 0..3 {
        assert!(matches!(reader.read(&text), Frame::Read(Ok(_))));
    }
}

#[test]
fn req_wire_06_many_streams_at_once_do_not_make_reading_forget_itself() {
    let mut reader = Reader::new(true);
    for round in 0..4 {
        for stream in 0..300 {
            if stream % 64 == 0 {
                reader.begin();
            }
            let text = SHAPES[1]
                .replace("\"r\"", &format!("\"r{stream}\""))
                .replace("TYPE", TYPES[0]);
            let text = text
                .replace("TOKEN", "\"a\"")
                .replace("TIME", &round.to_string());
            let read = match reader.read(&text) {
                Frame::Read(read) => read,
                Frame::Like(number, fit) => Ok(reader.patterns()[number].event_of(&text, fit)),
            };
            assert_eq!(shown(&read), shown(&decode(&text)));
            assert!(reader.patterns().len() <= 128);
        }
    }
}
