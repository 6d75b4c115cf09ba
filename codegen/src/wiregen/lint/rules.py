"""The table of rules, in the order in which `wiregen lint --rules` lists them."""

from __future__ import annotations

from wiregen.lint import contract, contract_rows, documents, schemas, tables
from wiregen.lint.model import Rule


def _rule(id_: str, check: object, severity: str = "error") -> Rule:
    purpose = (getattr(check, "__doc__", "") or "").strip().split("\n", maxsplit=1)[0]
    return Rule(id_, purpose, check, severity)  # type: ignore[arg-type]


RULES: tuple[Rule, ...] = (
    _rule("description-missing", schemas.description_missing),
    _rule("description-form", schemas.description_form),
    _rule("description-must", schemas.must_without_req),
    _rule("title-missing", schemas.title_missing),
    _rule("integer-unbounded", schemas.integer_unbounded),
    _rule("integer-too-wide", schemas.integer_too_wide),
    _rule("bounds-order", schemas.bounds_order),
    _rule("tristate-unexplained", schemas.tristate_unexplained, "warning"),
    _rule("enum-single", schemas.single_enum),
    _rule("enum-repeats", schemas.enum_repeats),
    _rule("pattern-portable", schemas.pattern_portable),
    _rule("pattern-anchored", schemas.pattern_anchored),
    _rule("format-known", schemas.format_known),
    _rule("default-valid", schemas.default_valid),
    _rule("default-on-required", schemas.default_on_required),
    _rule("required-undeclared", schemas.required_undeclared),
    _rule("keyword-untyped", schemas.keyword_untyped, "info"),
    _rule("file-orphan", documents.file_orphan),
    _rule("file-name", documents.file_name),
    _rule("file-id", documents.file_id),
    _rule("file-dialect", documents.file_dialect),
    _rule("message-unused", documents.message_unused),
    _rule("message-title", documents.message_title),
    _rule("message-similar", documents.message_similar),
    _rule("action-open", documents.action_open),
    _rule("reply-missing", documents.reply_missing),
    _rule("result-missing", documents.result_missing),
    _rule("terminal-missing", documents.terminal_missing),
    _rule("event-unanswering", documents.event_unanswering),
    _rule("mirror-undeclared", documents.mirror_undeclared),
    _rule("fact-unreachable", documents.fact_unreachable),
    _rule("sentence-req", documents.sentence_without_req),
    _rule("req-repeated", documents.req_repeated),
    _rule("error-action", tables.error_action),
    _rule("error-leaf", tables.error_leaf),
    _rule("error-parent", tables.error_parent),
    _rule("machine-unreachable", tables.machine_unreachable),
    _rule("machine-shadowed", tables.machine_shadowed),
    _rule("machine-word-unused", tables.machine_word_unused, "warning"),
    _rule("machine-event-unhandled", tables.machine_event_unhandled),
    _rule("machine-settle-kind", tables.machine_settle_kind),
    _rule("table-verb", contract.table_verb),
    _rule("table-answer", contract.table_answer),
    _rule("table-echo", contract.table_echo),
    _rule("table-question", contract.table_question),
    _rule("table-question-rows", contract.table_question_rows),
    _rule("table-row", contract_rows.table_row),
    _rule("table-args", contract_rows.table_args),
    _rule("table-group", contract.table_group),
    _rule("table-route", contract.table_route),
    _rule("table-kind", contract.table_kind),
    _rule("table-code-answers", contract.table_code_answers),
    _rule("table-derived", contract.table_derived),
    _rule("table-fact-unused", contract.table_fact_unused, "warning"),
    _rule("table-effect-args", contract.table_effect_args),
    _rule("table-timer", contract.table_timer),
    _rule("table-option", contract.table_option),
    _rule("table-close-code", contract.table_close_code),
    _rule("table-outcome", contract.table_outcome),
    _rule("table-text", contract.table_text),
    _rule("table-capability", contract.table_capability),
    _rule("table-since", contract.table_since),
    _rule("name-collision", tables.name_collision),
    _rule("member-case", tables.member_case),
)
