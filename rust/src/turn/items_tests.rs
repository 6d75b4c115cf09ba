//! The bound of what a turn keeps, at the bound.

use std::sync::Arc;

use super::{Batch, ITERATOR_BYTES, ITERATOR_ITEMS, Items, Taken};
use crate::wire::codec::decode;
use crate::wire::events::Event;
use crate::wire::learned::{Frame, Reader};

fn token(text: &str) -> Event {
    let frame = frame(text);
    decode(&frame).expect("a good frame")
}

fn frame(text: &str) -> String {
    format!(
        r#"{{"type":"stream_token","requestId":"r","token":"{text}","data":{{"requestId":"r","token":"{text}"}},"timestamp":7}}"#
    )
}

fn chunk(node: &str) -> Event {
    let frame = format!(
        r#"{{"type":"stream_chunk","data":{{"requestId":"r","node":"{node}","state":{{}}}}}}"#
    );
    decode(&frame).expect("a good frame")
}

/// Everything that an iterator gets, as words: text and how many tokens, or the node of a chunk; of
/// one that is too slow how many items it gets.
fn rest(items: &mut Items, id: u64) -> Result<Vec<(String, u64)>, usize> {
    let (mut batch, mut seen) = (Batch::default(), Vec::new());
    loop {
        match items.take(id, &mut batch) {
            Taken::Nothing => return Ok(seen),
            Taken::TooSlow => return Err(seen.len()),
            Taken::Some => {}
        }
        while let Some(event) = batch.next() {
            seen.push(match event {
                Event::StreamToken(token) => (token.token().to_owned(), token.merged()),
                Event::StreamChunk(chunk) => (chunk.node().to_owned(), 0),
                other => panic!("{other:?}"),
            });
        }
    }
}

/// Adds tokens as a link does: the first in full, the others by comparison.
fn stream(items: &mut Items, count: usize, word: impl Fn(usize) -> String) {
    let mut reader = Reader::new(true);
    for index in 0..count {
        let text = frame(&word(index));
        match reader.read(&text) {
            Frame::Read(event) => items.push(event.expect("a good frame")),
            Frame::Like(number, fit) => {
                let pattern = Arc::clone(&reader.patterns()[number]);
                items.extend(&pattern, std::iter::once((&*text, fit)));
            }
        }
    }
}

#[test]
fn req_turn_21_up_to_the_bound_every_token_comes_as_it_was() {
    let mut items = Items::default();
    let id = items.enter();
    stream(&mut items, ITERATOR_ITEMS, |index| format!("{index} "));
    let seen = rest(&mut items, id).expect("within the bound");
    assert_eq!(seen.len(), ITERATOR_ITEMS);
    assert_eq!(
        seen[ITERATOR_ITEMS - 1],
        (format!("{} ", ITERATOR_ITEMS - 1), 1)
    );
}

#[test]
fn req_turn_21_beyond_the_bound_neighbours_are_merged_and_no_text_is_lost() {
    for count in [ITERATOR_ITEMS + 1, 5_000] {
        let mut items = Items::default();
        let id = items.enter();
        stream(&mut items, count, |index| format!("{index} "));
        let seen = rest(&mut items, id).expect("merging suffices");
        assert!(seen.len() <= ITERATOR_ITEMS, "{}", seen.len());
        assert_eq!(
            seen.iter().map(|(_, merged)| merged).sum::<u64>(),
            count as u64
        );
        let text: String = seen.into_iter().map(|(text, _)| text).collect();
        assert_eq!(text, items.text());
    }
}

#[test]
fn req_turn_21_a_merged_token_shows_frame_and_time_of_the_last_one() {
    let mut items = Items::default();
    let id = items.enter();
    stream(&mut items, ITERATOR_ITEMS + 1, |index| {
        format!("\\n{index}")
    });
    let mut batch = Batch::default();
    assert_eq!(items.take(id, &mut batch), Taken::Some);
    let Some(Event::StreamToken(merged)) = batch.next() else {
        panic!("a token is due");
    };
    assert_eq!(merged.merged(), ITERATOR_ITEMS as u64 + 1);
    assert_eq!(merged.raw(), frame(&format!("\\n{ITERATOR_ITEMS}")));
    assert_eq!((merged.request_id(), merged.timestamp()), ("r", Some(7)));
    assert!(merged.token().starts_with("\n0\n1\n2"));
}

#[test]
fn req_turn_21_merging_stops_where_a_reader_stands_and_at_other_items() {
    let mut items = Items::default();
    let (late, early) = (items.enter(), items.enter());
    stream(&mut items, 10, |_| "a".to_owned());
    assert_eq!(rest(&mut items, early).map(|seen| seen.len()), Ok(10));
    stream(&mut items, 5, |_| "b".to_owned());
    items.push(chunk("n"));
    stream(&mut items, ITERATOR_ITEMS, |_| "c".to_owned());
    let text = |seen: Vec<(String, u64)>| -> String { seen.into_iter().map(|it| it.0).collect() };
    let expected = format!("{}n{}", "b".repeat(5), "c".repeat(ITERATOR_ITEMS));
    assert_eq!(text(rest(&mut items, early).expect("merged")), expected);
    let expected = format!("{}{expected}", "a".repeat(10));
    assert_eq!(text(rest(&mut items, late).expect("merged")), expected);
}

#[test]
fn req_turn_21_a_reader_in_time_sees_every_token_however_many_there_are() {
    let mut items = Items::default();
    let id = items.enter();
    for _ in 0..20 {
        stream(&mut items, 500, |_| "x".to_owned());
        let seen = rest(&mut items, id).expect("in time");
        assert!(seen.iter().all(|(_, merged)| *merged == 1), "{seen:?}");
    }
    assert!(items.slots.len() <= ITERATOR_ITEMS + 1);
}

#[test]
fn req_turn_22_what_cannot_be_merged_ends_the_slow_iterator_alone() {
    let mut items = Items::default();
    let (slow, fast) = (items.enter(), items.enter());
    for index in 0..=ITERATOR_ITEMS {
        assert_eq!(rest(&mut items, fast).map(|seen| seen.len() <= 1), Ok(true));
        items.push(chunk(&index.to_string()));
    }
    assert_eq!(rest(&mut items, slow), Err(ITERATOR_ITEMS), "the oldest");
    assert_eq!(rest(&mut items, fast).map(|seen| seen.len()), Ok(1));
    assert_eq!(items.slots.len(), ITERATOR_ITEMS);
    let late = items.enter();
    assert_eq!(rest(&mut items, late), Err(0), "its first item is gone");
}

#[test]
fn req_turn_22_at_the_bound_nobody_is_slow() {
    let mut items = Items::default();
    let id = items.enter();
    (0..ITERATOR_ITEMS).for_each(|index| items.push(chunk(&index.to_string())));
    assert_eq!(
        rest(&mut items, id).map(|seen| seen.len()),
        Ok(ITERATOR_ITEMS)
    );
}

#[test]
fn req_turn_22_frames_count_by_their_bytes() {
    let mut items = Items::default();
    let id = items.enter();
    let big = "x".repeat(1024 * 1024);
    (0..ITERATOR_BYTES / big.len()).for_each(|_| items.push(chunk(&big)));
    assert_eq!(rest(&mut items, id), Err(7));
    assert!(items.bytes <= ITERATOR_BYTES);
}

#[test]
fn req_turn_23_a_pair_in_two_tokens_is_whole_in_the_text_and_apart_in_the_items() {
    let mut items = Items::default();
    let id = items.enter();
    items.push(token("a\\ud83d"));
    items.push(chunk("n"));
    items.push(token("\\ude00b"));
    assert_eq!(items.text(), "a😀b");
    let seen = rest(&mut items, id).expect("in time");
    let words: Vec<&str> = seen.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["a\u{fffd}", "n", "\u{fffd}b"]);
}
