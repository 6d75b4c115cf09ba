"""Loaders: files, folders, pages; what cannot be read is named; nothing inside is fetched."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from smooth_operator_server.cli import main
from smooth_operator_server.fetching import FetchError, fetch, is_public
from smooth_operator_server.knowledge import Change, Knowledge
from smooth_operator_server.knowledge.ingest import Filing, ingest
from smooth_operator_server.knowledge.loaders import (
    FileLoader,
    Loaded,
    LoadError,
    Unreadable,
    WebLoader,
    text_of,
)
from smooth_operator_server.knowledge.loaders.texts import KINDS, UnreadableError
from smooth_operator_server.store.opening import open_stores
from smooth_operator_server.tools.builtin import fetch_url

from .support import serving, step
from .support_endpoint import hosted

PAGE = b"""<!doctype html><title> A  page </title><nav>Menu</nav><h1>Lamps</h1><p>Made by
hand &amp; sold.<script>evil()</script><div hidden>no <br> no</div><h3>Care</h3>
<table><tr><td>a<td>b</table><ul><li>one<li>two</ul><style>p{}</style>"""


def pdf(text: str) -> bytes:
    """Return a PDF of one page, written by hand."""
    stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode()
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>>>>>"
        ),
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    found, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(found))
        found += b"%d 0 obj%s endobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        found
        + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
        % (
            table,
            len(found),
        )
    )


def test_each_kind_of_document_becomes_text_with_headings() -> None:
    page = text_of(PAGE, "html")
    assert page.title == "A page"
    assert page.text.split("\n\n")[:3] == ["# Lamps", "Made by hand & sold.", "### Care"]
    for hidden in ("Menu", "evil", "no", "p{}"):
        assert hidden not in page.text
    assert "one\n\ntwo" in page.text
    assert (
        text_of(b"name;price\nLamp;12\n\nCable;\n", "csv").text
        == "name: Lamp; price: 12\n\nname: Cable"
    )
    assert text_of(b'[{"a": {"b": 1}, "c": [2, 3]}, {"d": null}]', "json").text == (
        "a b: 1\nc: 2\nc: 3\n\nd: None"
    )
    assert text_of(pdf("A lamp"), "pdf").text == "# Page 1\n\nA lamp"
    assert text_of("\ufeff# Tïtle\n\nText".encode(), "markdown").title == "Tïtle"
    assert text_of("Grüße".encode("latin-1"), "text", "latin-1").text == "Grüße"


def encrypted() -> bytes:
    import io

    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    writer.encrypt("secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("text", b"", "has no text"),
        ("text", b"\xff\xfe\x00", "is no text"),
        ("text", b"\xe9t\xe9", "is not UTF-8"),
        ("json", b"{", "is no JSON"),
        ("json", b"[" * 100_000, "is nested too deep"),
        ("csv", b'a,b\n"x', "is no CSV"),
        ("csv", b"only,names\n", "has no text"),
        ("html", b"<script>x</script>", "has no text"),
        ("pdf", b"%PDF-1.4 nonsense", "is no PDF"),
        ("pdf", b"", "is no PDF"),
        ("pdf", pdf("x")[:200], "is no PDF|has no text"),
        ("pdf", encrypted(), "is encrypted"),
    ],
)
def test_what_is_no_document_is_refused_in_a_few_words(kind: str, content: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        text_of(content, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "content",
    [b"\0" * 64, bytes(range(256)) * 9, PAGE[:90], pdf("y")[30:], b"<" * 5000, b"&#x110000;" * 9],
)
def test_any_bytes_are_text_or_refused(kind: str, content: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        assert text_of(content, kind).text


def folder_of(place: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = place / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


async def loaded(loader: Any) -> list[Any]:
    return [one async for one in loader]


async def test_a_folder_is_read_in_order_and_nothing_outside_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "secret.md"
    outside.write_text("secret")
    place = folder_of(
        tmp_path / "docs",
        b_md=b"# B\n\nb",
        a__c_txt=b"c",
        bad_pdf=b"x",
        _hidden_md=b"h",
        x_bin=b"x",
    )
    (place / "link.md").symlink_to(outside)
    (place / "up").symlink_to(tmp_path, target_is_directory=True)
    found = await loaded(loader := FileLoader(place))
    assert found == [
        Loaded("a/c.txt", "c"),
        Loaded("b.md", "# B\n\nb", "B"),
        Unreadable("bad.pdf", "is no PDF that can be read"),
    ]
    assert len(loader) == 3
    assert await loaded(FileLoader(place / "b.md")) == [Loaded("b.md", "# B\n\nb", "B")]
    for wrong in (tmp_path / "nowhere", place / "x.bin"):
        with pytest.raises(LoadError):
            FileLoader(wrong)


async def test_a_second_run_takes_in_what_changed_and_forgets_what_is_gone(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "docs", a_md=b"lamp one", b_md=b"lamp two", c_md=b"lamp three")
    stores = await open_stores()
    knowledge = Knowledge(stores.knowledge)
    try:
        first = await ingest(knowledge, FileLoader(place), Filing())
        assert (first.counts[Change.NEW], first.removed) == (3, 0)
        (place / "a.md").write_text("lamp uno")
        (place / "b.md").unlink()
        (place / "c.md").write_bytes(b"\xff")
        second = await ingest(knowledge, FileLoader(place), Filing())
        assert second.counts == {Change.NEW: 0, Change.CHANGED: 1, Change.SAME: 0}
        assert (second.removed, [one.source for one in second.unreadable]) == (1, ["c.md"])
        texts = {hit.text for hit in await knowledge.search("lamp", 9)}
        assert texts == {"lamp uno", "lamp three"}
        for path in place.iterdir():
            path.unlink()
        assert (await ingest(knowledge, FileLoader(place), Filing())).removed == 0
    finally:
        await stores.close()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe",
        "ff02::1",
    ],
)
def test_addresses_inside_are_never_asked(address: str) -> None:
    assert not is_public(ip_address(address))


def test_addresses_outside_are_asked() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"):
        assert is_public(ip_address(address))


@asynccontextmanager
async def site() -> AsyncIterator[tuple[str, list[str]]]:
    """Run pages; yield their URL and the hosts that they were asked by."""
    hosts: list[str] = []

    async def answer(request: Request) -> Response:
        hosts.append(request.headers["host"])
        match request.path_params["name"]:
            case "page":
                return Response(PAGE, media_type="text/html; charset=utf-8")
            case "around":
                return RedirectResponse("/around")
            case "on":
                return RedirectResponse("/page")
            case "inside":
                return RedirectResponse("http://169.254.169.254/latest")
            case "large":
                return Response(b"x" * (11 * 1024 * 1024), media_type="text/plain")
            case "image":
                return Response(b"x", media_type="image/png")
        return Response("no", 404)

    async with hosted(Starlette(routes=[Route("/{name}", answer)])) as url:
        yield url.replace("127.0.0.1", "localhost"), hosts


def here(address: Any) -> bool:
    return bool(address.is_loopback)


async def test_a_page_is_fetched_and_followed() -> None:
    async with site() as (url, hosts):
        (page,) = await loaded(WebLoader(f"{url}/on", admits=here))
        assert (page.title, page.source, page.url) == ("A page", f"{url}/on", f"{url}/page")
        assert "Made by hand" in page.text
        assert set(hosts) == {url.removeprefix("http://")}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("around", "leads on more than"),
        ("inside", "cannot be reached"),
        ("large", "is larger than"),
        ("nothing", "answers with status 404"),
        ("image", "of a kind that is not read"),
    ],
)
async def test_a_page_that_cannot_be_had_is_named(name: str, why: str) -> None:
    async with site() as (url, _):
        (fault,) = await loaded(WebLoader(f"{url}/{name}", admits=here))
        assert isinstance(fault, Unreadable)
        assert why in fault.why


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http://",
        "http://user:pw@example.org/",
        "http://[::1",
        "http://127.0.0.1:1/",
        "http://localhost/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://127.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://example.org:99999/",
        "http://exa mple/",
        "http://" + "a" * 300 + "/",
        "",
    ],
)
async def test_what_may_not_be_fetched_is_not(url: str) -> None:
    with pytest.raises(FetchError):
        await fetch(url)


async def test_a_model_reads_pages_only_where_it_may(tmp_path: Path) -> None:
    call = {"toolCall": {"name": "fetch_url", "arguments": {"url": "http://localhost/"}}}
    script = {"model": [call, {"text": "a"}] * 2}
    async with serving(tmp_path, script) as server, server.client() as client:
        frames = await client.turn(await client.session())
        assert step(frames[2])["result"] == "there is no tool fetch_url"
    async with serving(tmp_path, script, fetch_tool=True) as server, server.client() as client:
        frames = await client.turn(await client.session())
        assert step(frames[2])["result"] == "the page cannot be reached"
    async with site() as (url, _):
        page = await fetch_url(here).run({"url": f"{url}/page"}, None)  # type: ignore[arg-type]
        assert (page["title"], "Made by hand" in page["text"]) == ("A page", True)


def ends(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder_of(tmp_path / "docs", a_md=b"lamp", b_json=json.dumps({"a": 1}).encode())
    db = str(tmp_path / "x.db")
    status, out, _ = ends(capsys, "ingest", str(place), "--db", db, "--set", "shop")
    assert (status, out) == (
        0,
        f"{place}: 2 new, 0 changed, 0 unchanged, 0 removed, 0 unreadable\n",
    )
    (place / "a.md").write_bytes(b"\xff")
    status, out, err = ends(capsys, "ingest", str(place), "--db", db, "--set", "shop")
    assert (status, "1 unchanged" in out, "1 unreadable" in out) == (1, True, True)
    assert "a.md: is not UTF-8" in err
    assert ends(capsys, "ingest", "--db", db)[0] == 1
    status, _, err = ends(capsys, "ingest", str(tmp_path / "nowhere"), "--db", db)
    assert (status, "no such file or folder" in err) == (1, True)
    status, _, err = ends(capsys, "ingest", "http://127.0.0.1:1/x", "--db", db)
    assert (status, "cannot be reached" in err) == (1, True)
    assert os.path.exists(db)  # noqa: PTH110
