"""Driving processes: protocol faults, deaths and hangs end in one sentence, never in a wait."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from conform.home import HOME
from conform.testee import Launch, LineChecker, ProcessTestee
from conform.testee import TesteeError as DriverError  # a name with Test- would be collected

REFERENCE = Launch("ref", (sys.executable, "-m", "conform.reference"))
HELLO = {
    "protocol": 1, "nonce": "NONCE", "name": "x", "version": "1", "language": "python",
    "runtime": "3", "spec": ["1.1"], "features": {},
}  # fmt: skip


def fake(tmp_path: Path, body: str) -> Launch:
    """A testee of a few lines: shakes hands, then runs ``body`` for every command."""
    script = tmp_path / "fake.py"
    script.write_text(
        "import json, sys, time\n"
        "def say(line): print(line if isinstance(line, str) else json.dumps(line), flush=True)\n"
        f"HELLO = {HELLO!r}\n"
        "for text in sys.stdin:\n"
        "    c = json.loads(text)\n"
        "    if c['cmd'] == 'hello':\n"
        "        say({'id': c['id'], 'ok': {**HELLO, 'nonce': c['nonce']}})\n"
        "        continue\n" + "".join(f"    {line}\n" for line in body.splitlines()),
        encoding="utf-8",
    )
    return Launch("fake", (sys.executable, str(script)))


async def test_the_reference_process_speaks_the_protocol(checker: LineChecker) -> None:
    testee = ProcessTestee(REFERENCE, checker)
    await testee.start()
    assert testee.hello["features"]["virtual_clock"] is True
    unknown = await testee.command({"cmd": "juggle"}, 2.0)
    assert unknown["fail"]["kind"] == "unknown-command"
    assert (await testee.command({"cmd": "sync", "nonce": "a"}, 2.0))["ok"] == {"nonce": "a"}
    await testee.stop()
    assert not testee.alive


async def test_a_hang_is_asked_for_stacks_and_killed(checker: LineChecker, tmp_path: Path) -> None:
    body = "print('stack of the hang', file=sys.stderr, flush=True)\ntime.sleep(60)"
    testee = ProcessTestee(fake(tmp_path, body), checker)
    await testee.start()
    with pytest.raises(DriverError, match="no reply to census within"):
        await testee.command({"cmd": "census"}, 0.2)
    await testee.kill()
    assert not testee.alive
    assert "stack of the hang" in testee.stderr


async def test_a_death_says_status_and_last_words(checker: LineChecker, tmp_path: Path) -> None:
    body = "print('out of paper', file=sys.stderr, flush=True)\nsys.exit(7)"
    testee = ProcessTestee(fake(tmp_path, body), checker)
    await testee.start()
    with pytest.raises(DriverError, match="status 7"):
        await testee.command({"cmd": "census"}, 5.0)
    await testee.kill()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("'hello?'", "not JSON"),
        ("{'ev': 'juggle'}", "unknown event"),
        ("{'ev': 'ended', 'turn': 't', 'n': 1, 'outcome': 'failed', 'text': ''}", "error"),
        ("{'ev': 'returned', 'as': 'a', 'n': 1}", "protocol"),
    ],
)
async def test_a_line_that_breaks_the_protocol_is_a_fault(
    checker: LineChecker, tmp_path: Path, line: str, why: str
) -> None:
    testee = ProcessTestee(
        fake(tmp_path, f"say({line})\nsay({{'id': c['id'], 'ok': {{}}}})"), checker
    )
    await testee.start()
    await testee.command({"cmd": "census"}, 5.0)
    assert why in testee.log.faults[0]
    await testee.kill()


async def test_what_cannot_be_started_says_so(checker: LineChecker) -> None:
    with pytest.raises(DriverError, match="cannot start nobody"):
        await ProcessTestee(Launch("nobody", ("/no/such/program",)), checker).start()


def test_launches_are_read_or_refused() -> None:
    assert Launch.parse("go=./testee -v 'a b'").command == ("./testee", "-v", "a b")
    for text in ("go", "=x", "go="):
        with pytest.raises(ValueError, match="NAME=CMD"):
            Launch.parse(text)


def test_every_line_of_the_protocol_page_is_valid_by_the_schema(checker: LineChecker) -> None:
    page = (HOME / "PROTOCOL.md").read_text(encoding="utf-8")
    schema = json.loads((HOME / "schema/testee-protocol.schema.json").read_text(encoding="utf-8"))
    commands = set()
    for text in re.findall(r'\{"id":\d[^`]*?"cmd"[^`]*\}', page):
        line = json.loads(text.replace("?", "").replace("{…}", "{}"))
        name = "cmd_" + line["cmd"]
        validator = jsonschema_rs.Draft202012Validator(
            {"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"}
        )
        assert validator.is_valid(line), text
        commands.add(name)
    listed = {name for name in schema["$defs"] if name.startswith("cmd_")}
    without_example = {"cmd_dump", "cmd_reset", "cmd_bye", "cmd_start", "cmd_resume"}
    assert listed - commands <= without_example
    for text in re.findall(r'^\{"ev".*\}$', page, re.MULTILINE):
        assert checker.fault(json.loads(text.replace("{…}", "{}"))) is None, text
