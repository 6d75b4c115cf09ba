"""The JSON Schemas of the admin REST: they check what comes, and OpenAPI shows them. Pure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NULLABLE: Json = {"type": ["string", "null"]}
NUMBER: Json = {"type": "number"}
COUNT: Json = {"type": "integer", "minimum": 0}
SWITCH: Json = {"type": "boolean"}


def obj(title: str, properties: Json, *optional: str) -> Json:
    """Return the schema of an object whose members are there but for the optional ones.

    The title is the name that the OpenAPI document has for it.
    """
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def many(item: Json) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


def one_of(title: str, *words: str) -> Json:
    """Return the schema of a word out of a few."""
    return {"title": title, "type": "string", "enum": list(words)}


def or_null(schema: Json) -> Json:
    """Return the schema of a value that may not be there."""
    return {"anyOf": [schema, {"type": "null"}]}


ERROR = obj("Error", {"error": obj("ErrorDetails", {"code": TEXT, "message": TEXT})})
STATUS = obj("Status", {"status": TEXT})
ME = obj(
    "Me",
    {
        "userId": TEXT,
        "orgId": TEXT,
        "role": one_of("Role", "basic", "curator", "admin"),
        "displayName": TEXT,
        "email": TEXT,
        "groups": many(TEXT),
    },
    "displayName",
    "email",
    "groups",
)
COSTS: Json = {
    "title": "ModelCosts",
    "type": "object",
    "additionalProperties": obj(
        "ModelCost", {"inputCostPerToken": NUMBER, "outputCostPerToken": NUMBER}
    ),
}

_KIND_OF_PARTY = one_of("PartyType", "user", "ai-agent", "human-agent")
PARTY = obj("Party", {"id": TEXT, "type": _KIND_OF_PARTY, "name": TEXT})
_SUMMARY = obj(
    "ConversationSummary",
    {
        "id": TEXT,
        "name": NULLABLE,
        "platform": one_of("Platform", "web"),
        "messageCount": COUNT,
        "createdAt": TEXT,
        "updatedAt": TEXT,
        "people": COUNT,
        "heldBy": or_null(PARTY),
    },
)
CONVERSATIONS = obj("ConversationPage", {"conversations": many(_SUMMARY), "nextCursor": NULLABLE})
_CONVERSATION = obj(
    "Conversation",
    {
        "id": TEXT,
        "name": NULLABLE,
        "owner": NULLABLE,
        "agentId": NULLABLE,
        "messageCount": COUNT,
        "createdAt": TEXT,
        "updatedAt": TEXT,
        "heldBy": or_null(PARTY),
        "people": many(PARTY),
    },
)
CONVERSATION = obj("ConversationFound", {"conversation": _CONVERSATION})
_PARTICIPANT = obj(
    "Participant", {"id": TEXT, "type": _KIND_OF_PARTY, "name": TEXT, "joinedAt": TEXT}
)
PARTICIPANTS = obj("ParticipantList", {"participants": many(_PARTICIPANT)})
MESSAGE = obj(
    "Message",
    {
        "id": TEXT,
        "direction": one_of("Direction", "inbound", "outbound"),
        "content": obj("MessageContent", {"text": TEXT}),
        "from": PARTY,
        "createdAt": TEXT,
    },
)
MESSAGES = obj(
    "MessagePage", {"conversationId": TEXT, "messages": many(MESSAGE), "nextCursor": NULLABLE}
)
NEW_MESSAGE = obj("NewMessage", {"text": {"type": "string", "minLength": 1, "maxLength": 10_000}})
WRITTEN = obj("MessageWritten", {"message": MESSAGE})

_AGENT = obj(
    "AgentSummary",
    {
        "id": TEXT,
        "name": TEXT,
        "model": NULLABLE,
        "system": one_of("AgentSystem", "react", "plan", "team", "workflow"),
        "origin": one_of("AgentOrigin", "file", "made"),
    },
)
AGENTS = obj("AgentList", {"agents": many(_AGENT)})
NEW_AGENT: Json = {
    "title": "Agent",
    "type": "object",
    "description": "What an agent file says; the page about agents has its members.",
    "properties": {"id": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,200}$"}},
    "required": ["id"],
    "additionalProperties": True,
}
AGENT = obj("AgentFound", {"agent": NEW_AGENT})
_SETTING: Json = {"type": ["string", "null"], "minLength": 1, "maxLength": 4000}
_TOOLS: Json = {
    "type": ["array", "null"],
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
    "maxItems": 200,
    "uniqueItems": True,
}
NEW_SETTINGS = obj(
    "NewSettings",
    {"model": _SETTING, "systemPrompt": _SETTING, "persona": _SETTING, "defaultTools": _TOOLS},
    "model",
    "systemPrompt",
    "persona",
    "defaultTools",
)
_SETTINGS = obj(
    "Settings",
    {
        "orgId": TEXT,
        "model": NULLABLE,
        "systemPrompt": NULLABLE,
        "persona": NULLABLE,
        "defaultTools": _TOOLS,
        "updatedAt": NULLABLE,
    },
)
SETTINGS = obj("SettingsFound", {"settings": _SETTINGS})

_TURNS = obj(
    "TurnCounts", {"running": COUNT, "completed": COUNT, "cancelled": COUNT, "failed": COUNT}
)
_USAGE = obj(
    "Usage",
    {
        "conversations": COUNT,
        "heldConversations": COUNT,
        "messages": COUNT,
        "turns": _TURNS,
        "promptTokens": COUNT,
        "completionTokens": COUNT,
        "costUsd": NUMBER,
    },
)
USAGE = obj("UsageFound", {"usage": _USAGE})

_NAME: Json = {"type": "string", "minLength": 1, "maxLength": 200}
_NAMES: Json = {"type": "array", "items": _NAME, "maxItems": 200}
_ADDRESS = "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$"
_LISTED: Json = {
    "id": TEXT,
    "source": TEXT,
    "title": TEXT,
    "url": NULLABLE,
    "set": TEXT,
    "origin": TEXT,
    "shared": SWITCH,
    "passages": COUNT,
    "updatedAt": TEXT,
}
_DOCUMENT = obj("Document", _LISTED | {"readers": many(TEXT)})
DOCUMENTS = obj(
    "DocumentPage", {"documents": many(obj("DocumentSummary", _LISTED)), "nextCursor": NULLABLE}
)
DOCUMENT = obj("DocumentFound", {"document": _DOCUMENT})
TAKEN_IN = obj(
    "DocumentTakenIn",
    {"document": _DOCUMENT, "change": one_of("DocumentChange", "new", "changed", "unchanged")},
)
_READERS = obj(
    "NewReaders",
    {"users": _NAMES, "groups": _NAMES, "public": SWITCH},
    "users",
    "groups",
    "public",
)
NEW_DOCUMENT = obj(
    "NewDocument",
    {
        "source": _NAME,
        "text": {"type": "string", "minLength": 1, "maxLength": 60_000},
        "title": _NAME,
        "url": {"type": "string", "pattern": _ADDRESS, "maxLength": 2000},
        "set": _NAME,
        "readers": _READERS,
    },
    "title",
    "url",
    "set",
    "readers",
)
_SET = obj("DocumentSet", {"name": TEXT, "documentCount": COUNT})
DOCUMENT_SETS = obj("DocumentSetList", {"documentSets": many(_SET)})

_KIND = one_of("ConnectorKind", "web", "file", "github")
_WEB = obj("WebPlace", {"url": {"type": "string", "pattern": _ADDRESS, "maxLength": 2000}})
_FILE = obj("FilePlace", {"path": {"type": "string", "minLength": 1, "maxLength": 1000}})
_GITHUB = obj(
    "GitHubPlace",
    {
        "owner": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{0,99}$"},
        "repo": {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$"},
        "ref": {"type": "string", "pattern": "^[A-Za-z0-9_./-]{1,200}$"},
        "folder": {"type": "string", "pattern": "^[A-Za-z0-9_./ -]{1,500}$"},
        # Names a variable of the server that holds a token, and no other one of its secrets.
        "auth_ref": {"type": "string", "pattern": "^SMOOTH_CONNECTOR_[A-Z0-9_]{1,80}$"},
    },
    "ref",
    "folder",
    "auth_ref",
)
_CONFIG: Json = {"oneOf": [_WEB, _FILE, _GITHUB]}
_PLACES = {"web": _WEB, "file": _FILE, "github": _GITHUB}


def _config_of(kind: str, config: Json) -> Json:
    is_kind: Json = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
    return {"if": is_kind, "then": {"properties": {"config": config}}}


NEW_CONNECTOR: Json = obj(
    "NewConnector",
    {
        "name": _NAME,
        "kind": _KIND,
        "config": {"type": "object"},
        "enabled": {"type": "boolean", "default": True},
    },
    "enabled",
) | {"allOf": [_config_of(kind, place) for kind, place in _PLACES.items()]}
_CONNECTOR = obj(
    "Connector",
    {
        "id": TEXT,
        "name": TEXT,
        "kind": _KIND,
        "config": _CONFIG,
        "enabled": SWITCH,
        "createdAt": TEXT,
        "updatedAt": TEXT,
    },
)
CONNECTOR = obj("ConnectorFound", {"connector": _CONNECTOR})
CONNECTORS = obj("ConnectorList", {"connectors": many(_CONNECTOR)})
_RUN = obj(
    "IndexingRun",
    {
        "id": TEXT,
        "connectorName": TEXT,
        "status": one_of("RunStatus", "succeeded", "failed"),
        "startedAt": TEXT,
        "finishedAt": TEXT,
        "documentsSeen": COUNT,
        "documentsIndexed": COUNT,
        "documentsSkipped": COUNT,
        "error": NULLABLE,
    },
)
RUN = obj("RunFound", {"run": _RUN})
RUNS = obj("RunList", {"runs": many(_RUN)})

_TARGET = obj(
    "Target",
    {"type": one_of("TargetType", "connection", "session", "user", "org", "agent"), "id": _NAME},
)
_EVENT: Json = {
    "title": "PublishedEvent",
    "type": "object",
    "properties": {"type": {"type": "string", "minLength": 1, "maxLength": 100}},
    "required": ["type"],
    "additionalProperties": True,
}
PUBLISH = obj("NewEvent", {"target": _TARGET, "event": _EVENT})
DELIVERED = obj("Delivered", {"delivered": COUNT})
