"""What is refused where it is written, and in which words (TESTING-KIT.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smooth_operator.testing import CassetteError, FakeServer, Reply, ScriptError

HEAD = '{"cassette": 1, "spec": "1.2"}\n'


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda r: r.finish().tokens("a"), "a reply has ended with finish(): no step can follow"),
        (
            lambda r: r.error("AGENT_ERROR").cut(),
            "a reply has ended with error(): no step can follow",
        ),
        (lambda r: r.error("NO_SUCH"), "error(): 'NO_SUCH' is no code of the protocol"),
        (lambda r: r.error("OTP_SEND_FAILED"), "error(): OTP_SEND_FAILED ends no turn"),
        (lambda r: r.otp(attempts=0), "otp(): 0 attempts leave none; expected at least 1"),
        (
            lambda r: r.otp(channel="pigeon"),
            "otp(): 'pigeon' is no channel; expected 'email' or 'sms'",
        ),
        (lambda r: r.delay(-1), "delay(): -1 ms lie in the past; expected at least 0"),
        (lambda r: r.cut(1005), "cut(): no peer may send the close code 1005"),
        (lambda r: r.cut(999), "cut(): no peer may send the close code 999"),
        (
            lambda r: r.interaction("poem"),
            "'poem' is no kind of the protocol; expected 'identity_intake' or 'choices'",
        ),
        (
            lambda r: r.interaction("identity_intake"),
            "interaction(): the spec of identity_intake: /fields field required",
        ),
        (
            lambda r: r.interaction("identity_intake", fields=[{"key": "iban", "required": True}]),
            "/fields: 'iban' is not name, email or phone",
        ),
        (
            lambda r: r.interaction("choices", questions=[]),
            "the spec of choices: /questions takes one to four questions with different headers",
        ),
        (lambda r: r.confirm("x", rejected="no"), "confirm(): rejected is a reply or a function"),
        (lambda r: r.tokens("a", 7), "tokens(): takes text, not int"),
        (lambda r: r.chunk("n", tool_call={}), "chunk(): tool_call: /name field required"),
        (lambda r: r.finish(usage={"promptTokens": "3"}), "finish(): usage: /promptTokens"),
        (lambda r: r.finish(citations=[{}]), "finish(): citations: /"),
    ],
)
def test_a_step_that_contradicts_the_protocol(write: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(words)):
        write(Reply())


def test_a_script_beside_replies_and_replies_beside_a_script() -> None:
    server = FakeServer()
    server.script({"model": [{"text": "Hello"}]})
    with pytest.raises(ScriptError, match=r"on_message\(\): this server plays a script"):
        server.on_message()
    server = FakeServer()
    server.on_message()
    with pytest.raises(ScriptError, match=r"script\(\): this server has replies of on_message"):
        server.script({"model": []})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "script is no object"),
        ({}, "script: /model is missing"),
        ({"model": "x"}, "script: /model is no list"),
        ({"modle": []}, "script: 'modle' is none of"),
        ({"model": [{"txt": "a"}]}, "script: /model/0: 'txt' is none of"),
        ({"model": [{"text": "a", "error": "b"}]}, "script: /model/0 takes one of"),
        ({"model": [{"text": 7}]}, "script: /model/0/text is no text"),
        ({"model": [{"delayMs": -1}]}, "script: /model/0/delayMs is no number of milliseconds"),
        ({"model": [{"toolCall": {}}]}, "script: /model/0/toolCall/name is missing"),
        ({"model": [], "tools": [{"result": 1}]}, "script: /tools/0/name is missing"),
        ({"model": [], "otp": {"kode": "1"}}, "script: /otp: 'kode' is none of"),
        ({"model": [], "otp": {"code": "1", "channel": "fax"}}, "script: /otp/channel"),
        ({"model": [], "otp": {"code": "1", "attempts": 0}}, "script: /otp/attempts"),
    ],
)
def test_a_document_that_is_no_script(document: Any, words: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(words)):
        FakeServer().script(document)


@pytest.mark.parametrize("name", ["opener", "clock", "random", "id_generator"])
def test_an_option_that_the_server_gives(name: str) -> None:
    options: Any = {name: None}
    with pytest.raises(TypeError, match=f"{name}: the fake server gives it"):
        FakeServer().client(**options)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda s: s.on_message(7),
            "on_message(): takes a text, a pattern, a function, or nothing",
        ),
        (lambda s: s.refuse(200), "refuse(): 200 is no refusal; expected 300 to 599"),
        (lambda s: s.refuse(503, times=0), "refuse(): 0 handshakes are none; expected at least 1"),
        (lambda s: s.disconnect(1015), "disconnect(): no peer may send the close code 1015"),
    ],
)
def test_what_a_server_cannot_do(call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(words)):
        call(FakeServer())


def test_there_is_no_address_and_no_virtual_clock_where_there_is_none() -> None:
    with pytest.raises(RuntimeError, match="call listen"):
        _ = FakeServer().url


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "talk.cassette is empty: it is no cassette"),
        ("hello\n", "talk.cassette: line 1 is no head of a cassette"),
        ('{"cassette": 2}\n', "talk.cassette is of cassette version 2; this kit reads 1"),
        (f"{HEAD}{{}}\n", "talk.cassette: line 2 is no frame of a cassette"),
        (
            f'{HEAD}{{"at": 0, "link": 1, "way": "end", "code": 1006}}\nno\n',
            "talk.cassette: line 3 is no frame of a cassette",
        ),
    ],
)
def test_a_file_that_is_no_cassette(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "talk.cassette"
    path.write_text(text)
    with pytest.raises(CassetteError, match=f"^{re.escape(words)}$"):
        FakeServer.replay_of(path)


def test_a_cassette_takes_no_replies(tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    path.write_text(HEAD)
    with pytest.raises(ScriptError, match=r"on_message\(\): this server plays a cassette"):
        FakeServer.replay_of(path).on_message()
    with pytest.raises(ScriptError, match=r"script\(\): this server plays a cassette"):
        FakeServer.replay_of(path).script({"model": []})
