"""The rule check: reading sentences, finding citations, judging who holds what."""

from __future__ import annotations

import pytest
import rules
from workshop import SetupError

TEXT = """# Behaviour
- **REQ-TURN-01** (MUST, client) First sentence.
- **REQ-SRV-01** (MUST, server) Second sentence.
"""
RULES = rules.read_rules(TEXT)
FIVE = {
    "python/client/tests/test_turn.py": "def test_req_turn_01_it_holds() -> None: ...",
    "typescript/test/turn.test.ts": "it('REQ-TURN-01 holds', () => {})",
    "go/turn_test.go": "func TestREQ_TURN_01_Holds(t *testing.T) {}",
    "dotnet/tests/X.Tests/TurnTests.cs": "public void REQ_TURN_01_Holds() {}",
    "rust/tests/turn.rs": "fn req_turn_01_holds() {}",
}


def cited(*sources: tuple[str, str]) -> list[rules.Citation]:
    return [one for path, text in sources for one in rules.citations(path, text)]


def test_sentences_are_read_with_party_and_line() -> None:
    rule = RULES["REQ-SRV-01"]
    assert (rule.party, rule.sentence, rule.line) == ("server", "Second sentence.", 3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- **REQ-TURN-01** no party", "spec/behaviour.md:1: not"),
        (TEXT + "- **REQ-SRV-01** (MUST, server) Again.", "spec/behaviour.md:4: .* there twice"),
        ("nothing", "no rule found"),
    ],
)
def test_malformed_behaviour_is_refused_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        rules.read_rules(text)


def test_rule_with_a_test_in_all_five_languages_is_held() -> None:
    everywhere = cited(*FIVE.items())
    assert {one.kind for one in everywhere} == {"test"}
    held = rules.holders(RULES["REQ-TURN-01"], everywhere)
    assert rules.lacking(RULES["REQ-TURN-01"], held) == ""


def test_rule_without_a_test_in_one_language_names_it() -> None:
    four = cited(*(pair for pair in FIVE.items() if not pair[0].startswith("go/")))
    held = rules.holders(RULES["REQ-TURN-01"], four)
    assert rules.lacking(RULES["REQ-TURN-01"], held) == "no case, no test in go"


def test_case_alone_holds_a_rule_and_code_alone_does_not() -> None:
    case = cited(("conformance/cases/turn/a.yaml", "proves: [REQ-TURN-01, REQ-SRV-01]"))
    code = cited(("go/turn.go", "// see REQ-TURN-01"), ("python/server/src/a.py", "# REQ-SRV-01"))
    assert rules.check(RULES, case) == []
    assert len(rules.check(RULES, code)) == 2


def test_server_rule_is_held_by_a_server_test() -> None:
    server = cited(("python/server/tests/test_a.py", "def test_req_srv_01_x() -> None: ..."))
    assert rules.lacking(RULES["REQ-SRV-01"], rules.holders(RULES["REQ-SRV-01"], server)) == ""


def test_unknown_id_is_an_error_wherever_it_stands() -> None:
    wrong = cited(("README.md", "see REQ-TURN-99"), *FIVE.items())
    assert "README.md:1: REQ-TURN-99 is not in spec/behaviour.md" in rules.check(RULES, wrong)


def test_unit_tests_at_the_end_of_a_rust_file_count_as_tests() -> None:
    text = "/// REQ-TURN-01\nfn a() {}\n#[cfg(test)]\nmod tests {\n fn req_turn_01_b() {}\n}\n"
    assert [one.kind for one in cited(("rust/src/turn.rs", text))] == ["code", "test"]


def test_where_shows_sentence_code_tests_and_cases() -> None:
    shown = rules.where(RULES["REQ-TURN-01"], cited(("go/turn.go", "\n// REQ-TURN-01")))
    assert shown[:2] == ["REQ-TURN-01 (MUST, client)  spec/behaviour.md:2", "First sentence."]
    assert "  go/turn.go:2" in shown


def test_table_has_a_row_per_rule_and_says_what_is_missing() -> None:
    header, turn, srv = rules.table(RULES.values(), cited(*FIVE.items()))
    assert header.split() == ["rule", "case", *rules.LANGUAGES, "server"]
    assert turn.split() == ["REQ-TURN-01", "·", "1", "1", "1", "1", "1", "·"]
    assert srv.endswith("no case, no server test")


def test_unproven_rule_is_excused_until_it_is_held() -> None:
    excuses = rules.read_unproven('[unproven]\nREQ-TURN-01 = "decided, not built"', RULES)
    assert rules.check({"REQ-TURN-01": RULES["REQ-TURN-01"]}, [], excuses) == []
    case = cited(("conformance/cases/turn/a.yaml", "proves: [REQ-TURN-01]"))
    assert rules.now_held(RULES, [], excuses) == []
    assert rules.now_held(RULES, case, excuses) == [
        "tools/unproven.toml: REQ-TURN-01 is held now; take its line out"
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[unproven", "not TOML"),
        ("[other]", "nothing else"),
        ('[unproven]\nREQ-NO-01 = "x"', "REQ-NO-01 is not in"),
        ('[unproven]\nREQ-TURN-01 = " "', "REQ-TURN-01 needs a reason"),
    ],
)
def test_malformed_list_of_unproven_rules_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        rules.read_unproven(text, RULES)
