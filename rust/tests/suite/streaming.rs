//! Long streams: readers in time, late and absent; pairs that were cut in two.

use futures_util::TryStreamExt as _;
use serde_json::json;
use smooth_operator::{Error, Event};
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{Heard, client, soon};

fn frame(id: &str, token: &str, time: usize) -> Message {
    Message::text(format!(
        r#"{{"type":"stream_token","requestId":"{id}","token":"{token}","data":{{"requestId":"{id}","token":"{token}"}},"timestamp":{time}}}"#
    ))
}

#[tokio::test]
async fn req_turn_02_a_long_stream_is_the_same_with_and_without_a_tap() {
    for tapped in [false, true] {
        let (client, mut link) = client().await;
        let heard = Heard::default();
        if tapped {
            let heard = heard.clone();
            client.on_frame_text(move |note| heard.push(note.text.map(|it| it.to_string())));
        }
        let (turn, id) = link.turn(&client).await;
        let words = ["a ", "\\n", "é", "0", ""];
        for index in 0..600 {
            link.send(frame(&id, words[index % words.len()], index))
                .await;
        }
        link.finish(&id, "done").await;
        let items: Vec<Event> = soon(turn.events().try_collect()).await.expect("good");
        assert_eq!(items.len(), 601);
        for (index, item) in items.iter().take(600).enumerate() {
            let Event::StreamToken(token) = item else {
                panic!("{item:?}");
            };
            let expected = frame(&id, words[index % words.len()], index);
            assert_eq!(token.raw(), expected.to_text().expect("text"));
            assert_eq!(token.timestamp(), Some(index as i64));
            assert_eq!(
                token.token(),
                words[index % words.len()].replace("\\n", "\n")
            );
        }
        assert_eq!(turn.partial_text(), "a \né0".repeat(120));
        if tapped {
            let last = soon(turn.result()).await.expect("completed");
            assert_eq!(last.text, "done");
            assert_eq!(heard.count(603).await.len(), 603); // message, 202, tokens, end
        }
    }
}

#[tokio::test]
async fn req_turn_21_a_reader_that_comes_late_gets_all_text_in_fewer_tokens() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    for index in 0..3_000 {
        link.send(frame(&id, "word ", index)).await;
    }
    let inner = json!({"messageId": "m", "response": {"responseParts": []}});
    let data = json!({"requestId": id, "status": 200, "data": inner});
    link.tell(json!({"type": "eventual_response", "requestId": id, "status": 200, "data": data}))
        .await;
    let result = soon(turn.result()).await.expect("completed");
    assert_eq!(result.text, "word ".repeat(3_000));
    let items: Vec<Event> = soon(turn.events().try_collect()).await.expect("good");
    assert!(items.len() < 1_100, "{}", items.len());
    let tokens = items.iter().filter_map(|item| match item {
        Event::StreamToken(token) => Some(token),
        _ => None,
    });
    assert_eq!(tokens.clone().map(|it| it.merged()).sum::<u64>(), 3_000);
    assert_eq!(tokens.map(|it| it.token()).collect::<String>(), result.text);
}

#[tokio::test]
async fn req_turn_22_a_reader_that_is_too_slow_ends_alone() {
    let (client, mut link) = client().await;
    let (mut turn, id) = link.turn(&client).await;
    for index in 0..1_100 {
        link.tell(json!({"type": "stream_chunk", "data": {"requestId": id, "node": index.to_string(), "state": {}}}))
            .await;
    }
    link.finish(&id, "done").await;
    assert_eq!(soon(turn.result()).await.expect("completed").text, "done");
    for index in 0..1_024 {
        let item = soon(turn.next()).await.expect("kept").expect("good");
        assert!(matches!(&item, Event::StreamChunk(chunk) if chunk.node() == index.to_string()));
    }
    let slow = soon(turn.next())
        .await
        .expect("raised")
        .expect_err("too slow");
    assert!(matches!(slow, Error::SlowConsumer(_)), "{slow:?}");
    assert_eq!(slow.request_id(), Some(id.as_str()));
    assert!(soon(turn.next()).await.is_none());
}

#[tokio::test]
async fn req_turn_23_the_text_stream_joins_a_pair_that_two_tokens_cut() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    let mut pieces = turn.text_stream();
    for (index, token) in ["a", "b\\ud83d", "\\ude00c", "\\ud83d"]
        .into_iter()
        .enumerate()
    {
        link.send(frame(&id, token, index)).await;
    }
    for expected in ["a", "b", "😀c", ""] {
        assert_eq!(
            soon(pieces.next()).await.expect("text").expect("good"),
            expected
        );
    }
    assert_eq!(turn.partial_text(), "ab😀c\u{fffd}");
    link.finish(&id, "done").await;
    assert_eq!(
        soon(pieces.next()).await.expect("text").expect("good"),
        "\u{fffd}"
    );
    assert!(soon(pieces.next()).await.is_none());
}
