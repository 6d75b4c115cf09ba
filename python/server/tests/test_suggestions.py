"""Next questions that a model proposes: in the terminal event, never in the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from smooth_operator_server.engine.model.trailer import Trailer

from .support import details, text_of
from .support_endpoint import Reply, words
from .test_model import answering


def streamed(*pieces: str, most: int = 4) -> tuple[str, tuple[str, ...]]:
    trailer = Trailer(most)
    shown = "".join(trailer.feed(piece) for piece in pieces)
    rest, suggestions = trailer.end()
    return shown + rest, suggestions


@pytest.mark.parametrize(
    ("text", "shown", "suggestions"),
    [
        ("Hi.\n<suggestions>A?|B?</suggestions>", "Hi.", ("A?", "B?")),
        ("Hi. <suggestions> A? | A? |  | B\n?", "Hi.", ("A?", "B", "?")),
        ("Hi <sugar> there < 3  ", "Hi <sugar> there < 3  ", ()),
        ("Half <sugges", "Half <sugges", ()),
        ("<suggestions></suggestions>", "", ()),
        ("A<suggestions>x</suggestions> B", "AB", ("x",)),
        (f"A<suggestions>{'x' * 200}|y", "A", ("y",)),
        ("A<suggestions>1|2|3|4|5|6", "A", ("1", "2", "3", "4")),
    ],
)
def test_it_does_not_matter_how_a_text_is_cut(
    text: str, shown: str, suggestions: tuple[str, ...]
) -> None:
    for size in (1, 2, 3, 7, 1000):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert streamed(*pieces) == (shown, suggestions), size


async def test_proposals_come_in_the_answer_and_not_in_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("id: agent\nsuggestions: 2\n")
    deltas = words("Yes.", "\n<sugg", "estions>How?|When?|Who?</sugg", "estions>")
    replies = Reply(deltas), Reply(words("Plain."))
    settings = {"agents": tmp_path / "a.yaml"}
    async with answering(tmp_path, *replies, **settings) as (scripted, _, client):
        session_id = await client.session()
        frames = await client.turn(session_id, "Hi")
        answer = details(frames[-1])["response"]
        assert text_of(frames) == "Yes."
        assert answer["responseParts"] == ["Yes."]
        assert answer["suggestedNextActions"] == ["How?", "When?"]
        assert "<suggestions>" in scripted.requests[0]["messages"][0]["content"]
        frames = await client.turn(session_id, "More")
        assert details(frames[-1])["response"]["suggestedNextActions"] == []
        assert scripted.requests[1]["messages"][2]["content"] == "Yes."
