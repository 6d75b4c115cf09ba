"""The command line, in the order of the pipeline: read, look, generate, check."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from cyclopts import App, Parameter

from wiregen import __version__, manifest
from wiregen.build import build
from wiregen.config import Config, Target, default_config, find, load_config
from wiregen.diff.command import FailOn
from wiregen.diff.command import diff as run_diff
from wiregen.diff.model import Party
from wiregen.diff.report import Format
from wiregen.emit import VECTORS, languages
from wiregen.errors import FOUND, REFUSED, SpecError, refuse
from wiregen.freeze import freeze as keep
from wiregen.generate import generate as run_emitters
from wiregen.ir import Spec
from wiregen.lint import RULES, lint_folder
from wiregen.normalise import View
from wiregen.normalise import bundle as make_bundle
from wiregen.projects import in_projects, project_files, starter_files
from wiregen.reading import AS_WRITTEN, Reading
from wiregen.reference.site import build_site
from wiregen.served import Side
from wiregen.vectors import coverage as measure
from wiregen.vectors import vector_files
from wiregen.writing import recover, write_all

app = App(
    name="wiregen",
    version=__version__,
    help="""Print the wire layer of a WebSocket protocol in five languages.

Input: an AsyncAPI document of version 2 or 3 and the JSON Schemas it refers to.

Exit codes: 0 done, nothing found · 1 `lint`, `check`, `diff` or `vectors --coverage` found
something · 2 refused: wrong usage, a malformed document, table or setting, files that would
be written over.""",
)

app.register_install_completion_command()

SpecOption = Annotated[
    Path | None, Parameter(name="--spec", help="The AsyncAPI document, or its folder.")
]
ReadingOptions = Annotated[Reading, Parameter(name="*")]
SEVERITIES = ("error", "warning", "info")
JsonOption = Annotated[bool, Parameter(name="--json", help="Print JSON.")]
LangOption = Annotated[
    list[str] | None, Parameter(name="--lang", help="Language; repeat for several. Default: all.")
]


def _config(spec: Path | None, out: Path | None = None, *, needed: bool = True) -> Config:
    try:
        config = load_config(find(Path.cwd()))
    except SpecError as err:
        missing = err.diagnostics[0].rule == "config-missing"
        if not missing or (needed and (spec is None or out is None)):
            raise
        config = default_config(Path.cwd())
    if spec is not None:
        config = dataclasses.replace(config, spec=PurePosixPath(spec.resolve()))
    if out is not None:
        targets = {
            lang: Target(lang, PurePosixPath(lang), config.target(lang).options)
            for lang in languages()
        }
        vectors = PurePosixPath(VECTORS)
        config = dataclasses.replace(config, root=out.resolve(), targets=targets, vectors=vectors)
    return config


def _place(spec: Path | None, reading: Reading) -> tuple[Path, Reading]:
    """Return where the specification lies and how it is read, by options and wiregen.toml."""
    if spec is not None:
        return spec, reading
    config = _config(None)
    return config.spec_place, _over(config.reading, reading)


def _over(written: Reading, said: Reading) -> Reading:
    """Return what wiregen.toml says, but for what an option says."""
    return Reading(
        discriminator=said.discriminator or written.discriminator,
        side=said.side if said.side != AS_WRITTEN.side else written.side,
        root=said.root or written.root,
    )


def _spec(spec: Path | None, reading: Reading) -> Spec:
    return build(*_place(spec, reading))


def _languages(chosen: list[str] | None) -> tuple[str, ...]:
    every = (*languages(), VECTORS)
    for lang in chosen or ():
        if lang not in every:
            known = ", ".join(every)
            raise refuse("", "", "usage", f"no emitter for {lang!r}; there are: {known}")
    return tuple(sorted(set(chosen))) if chosen else every


@app.command
def generate(
    *,
    lang: LangOption = None,
    spec: SpecOption = None,
    out: Path | None = None,
    role: Side | None = None,
    project: bool = False,
    force: bool = False,
    reading: ReadingOptions = AS_WRITTEN,
) -> int:
    """Write the wire layer; all files or none.

    Examples: `wiregen generate`, `wiregen generate --lang go --out /tmp/look`,
    `wiregen generate --role server --lang python --out server`,
    `wiregen generate --spec chat.yml --out made --discriminator type`,
    `wiregen generate --spec chat.yml --out made --project`

    Parameters
    ----------
    out
        Folder that takes the place of the project root; each language gets a folder in it.
    role
        Whose wire layer: a server decodes the actions and encodes the events. Goes with --out, or
        stands in wiregen.toml; a client's unless given.
    project
        Write the project around it, too: pyproject.toml, package.json, go.mod, a .csproj and
        Cargo.toml name all that it needs. Those that are there stay. Goes with --out.
    force
        Write over files that were edited by hand.
    """
    if project and out is None:
        raise refuse("", "", "usage", "--project needs --out, a folder of its own")
    config = _config(spec, out, needed=role is None)
    if out is None and role not in (None, config.role):
        text = f"--role {role} needs --out, a folder of its own, or `role` in wiregen.toml"
        raise refuse("", "", "usage", text)
    langs = _languages(lang)
    found = build(config.spec_place, _over(config.reading, reading), role or config.role)
    around = {}
    if project:
        config = in_projects(config, found.title)
        around = project_files(config, found.title, langs)
    recover(config.root)
    old = manifest.read(config.root / config.manifest)
    edited = [] if force else manifest.hand_edited(config.root, old, langs)
    if edited:
        for name in edited:
            print(f"wiregen: {name}: edited by hand; --force writes over it", file=sys.stderr)
        return REFUSED
    made = run_emitters(found, config, langs)
    record = {str(config.manifest): manifest.render(manifest.updated(old, found, made, langs))}
    removed = manifest.stale(config.root, old, made, langs)
    write_all(config.root, {**around, **made.files, **record}, removed)
    for said in found.diagnostics:
        print(said, file=sys.stderr)
    for name, outcome in sorted(made.formatters.items()):
        if not outcome.verified:
            print(f"{name}: {outcome.tool} is not there: format not verified", file=sys.stderr)
    print(f"wrote {len(made.files)} files ({', '.join(langs)})")
    return 0


@app.command
def check(
    *,
    lang: LangOption = None,
    spec: SpecOption = None,
    out: Path | None = None,
    role: Side | None = None,
    as_json: JsonOption = False,
    reading: ReadingOptions = AS_WRITTEN,
) -> int:
    """Compare generated files with a fresh run; exit 1 on drift or a hand edit.

    Takes the options of `generate`, and what wiregen.toml says in their place.

    Examples: `wiregen check`, `wiregen check --lang rust --json`,
    `wiregen check --role server --out server`

    Parameters
    ----------
    out
        The folder that `generate --out` wrote.
    role
        Whose wire layer `generate` printed.
    """
    config = _config(spec, out)
    read = build(config.spec_place, _over(config.reading, reading), role or config.role)
    found = manifest.check(read, config, _languages(lang))
    if as_json:
        print(json.dumps(dataclasses.asdict(found), indent=2))
        return FOUND if found.drift else 0
    for item in found.drift:
        print(f"{item.path}: {item.reason}")
        if item.diff:
            print(item.diff)
    for name in found.unverified:
        print(f"{name}: formatter not there: format not verified")
    count = len(found.drift)
    print(f"{count} files differ; run `make generate`" if count else "generated code is up to date")
    return FOUND if count else 0


@app.command
def lint(
    *,
    rules: bool = False,
    spec: SpecOption = None,
    strict: bool = False,
    as_json: JsonOption = False,
    reading: ReadingOptions = AS_WRITTEN,
) -> int:
    """Judge the specification by the rules; exit 1 on an error.

    A schema waives a rule with its reason: `"x-lint-allow": {"rule-id": "why"}`.

    Examples: `wiregen lint`, `wiregen lint --rules`, `wiregen lint --spec draft/ --json`

    Parameters
    ----------
    rules
        List the rules instead.
    strict
        Let warnings fail too.
    """
    if rules and as_json:
        print(
            json.dumps([{"id": r.id, "severity": r.severity, "purpose": r.purpose} for r in RULES])
        )
        return 0
    if rules:
        for rule in RULES:
            print(f"{rule.id:24} {rule.severity:8} {rule.purpose}")
        return 0
    found = lint_folder(*_place(spec, reading))
    failing = [item for item in found if item.severity == "error" or strict]
    failing = [item for item in failing if item.severity != "info"]
    code = FOUND if failing else 0
    if as_json:
        print(json.dumps([dataclasses.asdict(item) for item in found], indent=2))
        return code
    for item in found:
        print(item)
    counts = {kind: sum(item.severity == kind for item in found) for kind in SEVERITIES}
    said = ", ".join(f"{kind}s: {count}" for kind, count in counts.items())
    print(f"{len(RULES)} rules; {said}")
    return code


@app.command
def vectors(
    *,
    coverage: bool = False,
    spec: SpecOption = None,
    as_json: JsonOption = False,
    reading: ReadingOptions = AS_WRITTEN,
) -> int:
    """Write the test vectors; with --coverage print what they cover and write nothing.

    Examples: `wiregen vectors`, `wiregen vectors --coverage`

    Parameters
    ----------
    coverage
        Print the obligations of the schemas that the vectors meet; exit 1 below 100 %.
    """
    if not coverage:
        return generate(lang=[VECTORS], spec=spec, reading=reading)
    found = _spec(spec, reading)
    result = measure(found, vector_files(found))
    if as_json:
        print(json.dumps({"total": result.total, "missing": result.missing}, indent=2))
    else:
        for struct, member, word in result.missing:
            print(f"{struct}.{member}: no vector shows: {word}")
        met = result.total - len(result.missing)
        print(f"{met} of {result.total} obligations have a vector ({result.percent:.1f} %)")
    return FOUND if result.missing else 0


@app.command
def bundle(
    *, view: View = "strict", spec: SpecOption = None, reading: ReadingOptions = AS_WRITTEN
) -> int:
    """Print all messages and types as one JSON Schema in one of three views.

    Examples: `wiregen bundle --view reader`

    Parameters
    ----------
    view
        strict: as written; open: as a server takes actions; reader: as a client takes events.
    """
    print(json.dumps(make_bundle(_spec(spec, reading), view), indent=2, ensure_ascii=False))
    return 0


@app.command
def diff(
    old: str,
    new: str = "",
    /,
    *,
    fail_on: FailOn = "breaking",
    clients: Party = "open",
    servers: Party = "closed",
    output: Annotated[Format, Parameter(name="--format")] = "text",
    as_json: JsonOption = False,
    allow: Path | None = None,
    allow_undecided: bool = False,
    reading: ReadingOptions = AS_WRITTEN,
) -> int:
    """Say what breaks between two versions of the specification, and what version that asks for.

    Exit code 1: a change as bad as --fail-on, or a waiver that expired or meets nothing.

    Examples: `wiregen diff v1.1`, `wiregen diff HEAD~1 HEAD --format sarif`,
    `wiregen diff ./old ./new --fail-on dangerous`

    Parameters
    ----------
    old
        The version that is out there: a folder, or a git revision (`REV` or `REV:folder`).
    new
        The version to judge; the specification of the working tree unless given.
    fail_on
        The grade from which on the exit code is 1.
    clients
        Whether deployed clients take unknown members; `closed` ones drop the frame.
    servers
        Whether deployed servers take unknown members.
    output
        text, json, sarif (annotations in a review) or markdown (a changelog section).
    allow
        Waivers: TOML with `[[allow]]` rule, where, reason, until. Default: diff-allow.toml of the
        specification.
    allow_undecided
        Do not fail for a changed construct that is not understood.
    """
    config = _config(None, needed=not (Path(old).exists() and new and Path(new).exists()))
    config = dataclasses.replace(config, reading=_over(config.reading, reading))
    return run_diff(
        old,
        new or str(config.spec_place),
        config=config,
        fail_on=fail_on,
        clients=clients,
        servers=servers,
        output="json" if as_json else output,
        allow=allow,
        allow_undecided=allow_undecided,
    )


@app.command
def freeze(*, spec: SpecOption = None, force: bool = False) -> int:
    """Keep the specification, whole, as the released version that it says it is.

    Examples: `wiregen freeze`, then `wiregen diff released/1.2` judges every later change

    Parameters
    ----------
    force
        Write over the same version with another content.
    """
    config = _config(spec)
    print(f"kept {keep(build(config.spec_place, config.reading), config, force=force)}")
    return 0


@app.command
def docs(
    *,
    out: Path = Path("site"),
    pages: Path | None = None,
    spec: SpecOption = None,
    reading: ReadingOptions = AS_WRITTEN,
) -> int:
    """Build the protocol reference as a static site that needs no network.

    Examples: `wiregen docs`, `wiregen docs --out /tmp/site --pages guide`

    Parameters
    ----------
    out
        Folder of the site; replaced as a whole.
    pages
        Folder of Markdown pages that come first, under `Guide`, in the order of their names
        (`1-quickstart.md` is shown as `quickstart`).
    """
    found = _spec(spec, reading)
    if pages is not None and not pages.is_dir():
        raise refuse("", "", "usage", f"{pages}: no such folder")
    guides = sorted(pages.glob("*.md")) if pages is not None else []
    rules = [path for path in (found.store.root / "behaviour.md",) if path.is_file()]
    count = build_site(found, out, rules, guides)
    print(f"wrote {count} pages to {out}/index.html")
    return 0


@app.command
def explain(name: str, /, *, spec: SpecOption = None, reading: ReadingOptions = AS_WRITTEN) -> int:
    """Print what the generator knows about one type or message, as JSON.

    Examples: `wiregen explain StreamToken`, `wiregen explain stream_token`
    """
    found = _spec(spec, reading)
    parts: dict[str, Any] = {}
    for item in (*found.types, *found.shapes):
        if item.name == name:
            parts[type(item).__name__.lower()] = dataclasses.asdict(item)
    for message in (*found.events, *found.actions):
        if name in (message.wire, message.name):
            both = "" if "message" not in parts else f" ({message.role})"
            parts[f"message{both}"] = dataclasses.asdict(message)
            if name == message.wire:
                parts[f"struct{both}"] = dataclasses.asdict(found.struct(message.name))
    if not parts:
        raise refuse("", "", "usage", f"no type or message is called {name!r}")
    print(json.dumps(parts, indent=2, ensure_ascii=False, default=str))
    return 0


@app.command
def init(folder: Path, /) -> int:
    """Write a starter specification and wiregen.toml into a new or empty folder.

    Examples: `wiregen init my-protocol`, then in it `wiregen lint`, `wiregen generate`,
    `wiregen vectors --coverage`, `wiregen docs`, `wiregen diff HEAD`
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise refuse("", "", "usage", f"{folder} is not an empty folder")
    files = starter_files()
    write_all(folder, files)
    print(f"wrote {len(files)} files; now `cd {folder}`, `wiregen lint` and `wiregen generate`")
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code; a SpecError is told, not thrown."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(arguments, result_action="return_value")
    except SpecError as err:
        usage = all(diagnostic.rule == "usage" for diagnostic in err.diagnostics)
        for diagnostic in err.diagnostics:
            said = diagnostic.message if usage else str(diagnostic)
            print(f"wiregen: {said}", file=sys.stderr)
        code = REFUSED
    except KeyboardInterrupt:
        print("wiregen: interrupted; nothing was written", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader of our output left early
        sys.stderr.close()
        code = 0
    except Exception as err:
        if os.environ.get("WIREGEN_TRACEBACK"):
            raise
        said = " ".join(f"{type(err).__name__}: {err}".split())[:300]
        print(
            f"wiregen: <spec>: error [internal]: a gap of wiregen, not of your files: {said} "
            "(WIREGEN_TRACEBACK=1 shows where)",
            file=sys.stderr,
        )
        code = REFUSED
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
