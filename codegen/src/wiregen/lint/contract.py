"""Rules over the tables beside the schemas: what they name exists, and nothing stands twice."""

from __future__ import annotations

from collections.abc import Iterator

from wiregen.contract.model import CloseCode, Contract
from wiregen.contract.steps import tests_of
from wiregen.diff.sentences import read_sentences
from wiregen.errors import join_pointer
from wiregen.lint.model import Context, Finding

OWNERS = ("link", "call", "verb", "turn", "question", "handler")
ADDRESSEES = ("call", "turn", "verb", "late", "push")


def _tables(context: Context) -> Contract:
    found: Contract = context.spec.contract
    return found


def _file(context: Context, key: str) -> str:
    return context.document.tables.get(key, "")


def _machines(context: Context) -> str:
    return _file(context, "x-state-machines")


def _errors(context: Context) -> str:
    return _file(context, "x-error-codes")


def table_verb(context: Context) -> Iterator[Finding]:
    """A verb answers a question of the table, and some frame answers it."""
    tables = _tables(context)
    kinds = {item.kind for item in tables.questions}
    words = {item.word for item in tables.capabilities}
    answered = {verb for row in tables.answers for verb in row.verbs}
    for index, verb in enumerate(tables.verbs):
        pointer = join_pointer("/verbs", index)
        if verb.question is not None and verb.question not in kinds:
            yield Finding(_machines(context), pointer, f"no question is called {verb.question!r}")
        if verb.needs is not None and verb.needs not in words:
            yield Finding(_machines(context), pointer, f"no capability is called {verb.needs!r}")
        if verb.name not in answered:
            yield Finding(_machines(context), pointer, f"no frame answers {verb.name!r}")


def table_answer(context: Context) -> Iterator[Finding]:
    """What a frame answers is a verb of the table."""
    tables = _tables(context)
    known = {verb.name for verb in tables.verbs}
    for index, row in enumerate(tables.answers if known else ()):
        for name in row.verbs:
            if name not in known:
                pointer = join_pointer("/answers", index, "verbs")
                yield Finding(_machines(context), pointer, f"no verb is called {name!r}")


def table_echo(context: Context) -> Iterator[Finding]:
    """What a verb copies is a member of its action."""
    for index, verb in enumerate(_tables(context).verbs):
        struct = context.spec.struct(context.spec.action(verb.action).name)
        for name in verb.echo:
            if struct.field(name) is None:
                pointer = join_pointer("/verbs", index, "echo")
                yield Finding(_machines(context), pointer, f"{verb.action} has no member {name!r}")


def table_question(context: Context) -> Iterator[Finding]:
    """A question has a verb, a row that opens it, and a code that exists and ends no turn."""
    tables = _tables(context)
    codes = {row.code: row for row in context.spec.errors.codes} if context.spec.errors else {}
    refusals = [item.no_pending for item in tables.questions if item.no_pending is not None]
    for index, item in enumerate(tables.questions):
        pointer = join_pointer("/questions", index)
        if not item.verbs:
            yield Finding(_machines(context), pointer, f"no verb answers {item.kind!r}")
        if item.shows not in item.opened_by:
            yield Finding(_machines(context), pointer, f"no row opens it by {item.shows!r}")
        if item.no_pending is not None and item.no_pending not in codes:
            yield Finding(_machines(context), pointer, f"no error code is {item.no_pending!r}")
        elif item.no_pending is not None and codes[item.no_pending].terminal != "never":
            message = f"{item.no_pending} answers a verb, and its code says that it ends turns"
            yield Finding(_machines(context), pointer, message)
        if refusals.count(str(item.no_pending)) > 1:
            message = f"{item.no_pending} stands for two questions"
            yield Finding(_machines(context), pointer, message)


def table_question_rows(context: Context) -> Iterator[Finding]:
    """What a question says of its events is what its machine does, and its duration exists."""
    tables = _tables(context)
    for index, item in enumerate(tables.questions):
        pointer = join_pointer("/questions", index)
        machine = next((it for it in tables.machines if it.name == item.kind), None)
        for event in item.updated_by:
            if event not in item.opened_by:
                yield Finding(_machines(context), pointer, f"no row is updated by {event!r}")
        rows = [row for row in machine.rows if "expired" in row.guards] if machine else []
        lapses = {event for row in rows if len(row.guards) == 1 for event in row.events}
        lapses |= {guard for row in rows for guard in row.guards if len(row.guards) > 1}
        for word in lapses.symmetric_difference(item.lapses_by) - {"expired"}:
            message = f"{word!r} lets it lapse in one place only: here, or in its machine"
            yield Finding(_machines(context), pointer, message)
        shown = next((it for it in context.spec.events if it.wire == item.shows), None)
        members = {accessor.name for accessor in shown.accessors} if shown else set()
        if item.duration is not None and item.duration not in members:
            message = f"{item.shows} has no member {item.duration!r}"
            yield Finding(_machines(context), pointer, message)


def table_code_answers(context: Context) -> Iterator[Finding]:
    """A code that may answer a verb does not always end the turn, and the other way round."""
    tables = _tables(context)
    named = {row.code for row in tables.answers if row.code is not None}
    rows = context.spec.errors.codes if context.spec.errors and tables.verbs else ()
    for index, row in enumerate(rows):
        pointer = join_pointer("/codes", index, "terminal")
        if row.terminal == "always" and row.code in named:
            message = f"{row.code} answers a verb in `answers`, and always ends the turn here"
            yield Finding(_errors(context), pointer, message)
        if row.terminal == "unless_verb" and row.code not in named:
            message = f"{row.code} spares a turn for a verb, and `answers` names none"
            yield Finding(_errors(context), pointer, message)


def table_derived(context: Context) -> Iterator[Finding]:
    """A fact that another table holds does not stand a second time."""
    if not _errors(context):
        return
    rows = context.store.document(_errors(context)).value.get("codes", [])
    for index, row in enumerate(rows):
        if "verbs" in row:
            pointer = join_pointer("/codes", index, "verbs")
            yield Finding(_errors(context), pointer, "it follows from `answers`: leave it out")


def table_fact_unused(context: Context) -> Iterator[Finding]:
    """Every fact is compared by a guard."""
    tables = _tables(context)
    used = {test.fact for guard in tables.guards for test in tests_of(guard.condition)}
    for fact in tables.facts:
        if fact.name not in used and all(guard.name != fact.name for guard in tables.guards):
            if any(fact.name == name for row in tables.answers for name, _ in row.states):
                continue
            pointer = join_pointer("/facts", fact.name)
            yield Finding(_machines(context), pointer, f"no guard looks at {fact.name!r}")


def table_effect_args(context: Context) -> Iterator[Finding]:
    """An effect carries no more than its word says, and no argument is called like an effect."""
    tables = _tables(context)
    words = {item.name: item for item in tables.effects}
    for item in tables.effects:
        for name in item.args:
            if name in words:
                pointer = join_pointer("/effects", item.name, "args")
                yield Finding(_machines(context), pointer, f"{name!r} is an effect as well")
    for machine in tables.machines:
        for index, row in enumerate(machine.rows):
            for effect in row.effects:
                listed = words[effect.name]
                if len(effect.args) > len(listed.args) and any(it.args for it in tables.effects):
                    pointer = join_pointer("/machines", machine.name, "transitions", index)
                    message = f"{effect} carries more than {list(listed.args)}"
                    yield Finding(_machines(context), pointer, message)


def table_timer(context: Context) -> Iterator[Finding]:
    """A timer counts by an option or limit that is a time, and a machine takes what it says."""
    tables = _tables(context)
    times = {item.name for item in tables.options if item.type == "time"}
    times |= {item.name for item in tables.limits if item.unit == "ms"}
    handled = {event for machine in tables.machines for event in machine.events()}
    for index, timer in enumerate(tables.timers):
        pointer = join_pointer("/timers", index)
        if timer.option not in times:
            message = f"no option or limit that is a time is called {timer.option!r}"
            yield Finding(_machines(context), pointer, message)
        if timer.on_expiry not in handled:
            yield Finding(_machines(context), pointer, f"no row takes {timer.on_expiry!r}")
        if timer.of not in OWNERS:
            yield Finding(_machines(context), pointer, f"nothing is called {timer.of!r}")


def table_route(context: Context) -> Iterator[Finding]:
    """A frame goes to somebody that there is, by an id that there is."""
    for index, route in enumerate(_tables(context).routing):
        for word, known in ((route.to, ADDRESSEES), (route.by, ("requestId", "none"))):
            if word not in known:
                message = f"{word!r} is unknown; there are: {', '.join(known)}"
                yield Finding(_machines(context), join_pointer("/routing", index), message)


def table_group(context: Context) -> Iterator[Finding]:
    """A machine steps with the group of a machine that there is."""
    tables = _tables(context)
    names = {machine.name for machine in tables.machines}
    for machine in tables.machines:
        if machine.group not in names:
            pointer = join_pointer("/machines", machine.name, "group")
            yield Finding(_machines(context), pointer, f"no machine is called {machine.group!r}")


def table_option(context: Context) -> Iterator[Finding]:
    """An option and a limit cite a sentence that there is."""
    tables = _tables(context)
    known = read_sentences(context.folder)
    cited = [("options", i, it.rule) for i, it in enumerate(tables.options)]
    cited += [("limits", i, it.rule) for i, it in enumerate(tables.limits)]
    for key, index, rule in cited if known else ():
        if rule not in known:
            pointer = join_pointer("", key, index, "rule")
            message = f"{rule} is no sentence of behaviour.md"
            yield Finding(_file(context, "x-options"), pointer, message)


def table_close_code(context: Context) -> Iterator[Finding]:
    """A close code has a kind that exists and is not hidden by the rows before it."""
    rows: tuple[CloseCode, ...] = _tables(context).close_codes
    kinds = {item.kind for item in context.spec.errors.kinds} if context.spec.errors else set()
    for index, row in enumerate(rows):
        pointer = join_pointer("/close_codes", index)
        first, last = (100, 599) if row.http else (1000, 4999)
        if row.first < first or row.last > last:
            yield Finding(_errors(context), pointer, f"a code lies from {first} to {last}")
        if row.kind not in kinds:
            yield Finding(_errors(context), pointer, f"no kind is called {row.kind!r}")
        before = [it for it in rows[:index] if it.http == row.http]
        if any(it.first <= row.first and row.last <= it.last for it in before):
            yield Finding(_errors(context), pointer, "an earlier row always comes first")


def table_kind(context: Context) -> Iterator[Finding]:
    """A kind of errors stands once."""
    seen: set[str] = set()
    for index, row in enumerate(context.spec.errors.kinds if context.spec.errors else ()):
        if row.kind in seen:
            yield Finding(_errors(context), join_pointer("/kinds", index), f"{row.kind!r} twice")
        seen.add(row.kind)


def table_outcome(context: Context) -> Iterator[Finding]:
    """What errors carry is said once a kind, of kinds that exist."""
    kinds = {item.kind for item in context.spec.errors.kinds} if context.spec.errors else set()
    seen: set[str] = set()
    for index, row in enumerate(_tables(context).outcomes):
        pointer = join_pointer("/outcomes", index)
        if row.kind not in kinds:
            yield Finding(_errors(context), pointer, f"no kind is called {row.kind!r}")
        if row.kind in seen:
            yield Finding(_errors(context), pointer, f"{row.kind!r} stands twice")
        seen.add(row.kind)


def table_text(context: Context) -> Iterator[Finding]:
    """Where one error has a text, every kind and leaf has one."""
    texts = {item.leaf for item in _tables(context).texts}
    errors = context.spec.errors
    if errors is None or not texts:
        return
    leaves = [("kinds", i, it.leaf) for i, it in enumerate(errors.kinds)]
    leaves += [("leaves", i, it.leaf) for i, it in enumerate(errors.leaves)]
    for key, index, leaf in leaves:
        if leaf not in texts:
            yield Finding(_errors(context), join_pointer("", key, index), "needs a text")


def table_capability(context: Context) -> Iterator[Finding]:
    """What implies a capability is an option that exists."""
    tables = _tables(context)
    options = {item.name for item in tables.options}
    for index, row in enumerate(tables.capabilities):
        for item in row.implied_by:
            what, _, name = item.partition(" ")
            if what == "option" and name not in options:
                pointer = join_pointer("/capabilities", index, "implied_by")
                message = f"no option is called {name!r}"
                yield Finding(_file(context, "x-capabilities"), pointer, message)


def table_since(context: Context) -> Iterator[Finding]:
    """`x-since` names a word of the table of capabilities."""
    words = {item.word for item in _tables(context).capabilities}
    for node in context.schemas:
        word = node.value.get("x-since")
        if word is not None and not (isinstance(word, str) and word in words):
            message = f"no capability is called {word!r}"
            yield Finding(node.file, join_pointer(node.pointer, "x-since"), message)
