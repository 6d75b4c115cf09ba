"""The JSON Schemas of the admin REST: they check what comes, and OpenAPI shows them. Pure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NULLABLE: Json = {"type": ["string", "null"]}
NUMBER: Json = {"type": "number"}
COUNT: Json = {"type": "integer", "minimum": 0}


def obj(properties: Json, *optional: str) -> Json:
    """Return the schema of an object whose members are there but for the optional ones."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def many(item: Json) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


ERROR = obj({"error": obj({"code": TEXT, "message": TEXT})})
STATUS = obj({"status": TEXT})
ME = obj(
    {
        "userId": TEXT,
        "orgId": TEXT,
        "role": {"enum": ["basic", "curator", "admin"]},
        "displayName": TEXT,
        "email": TEXT,
        "groups": many(TEXT),
    },
    "displayName",
    "email",
    "groups",
)
COSTS: Json = {
    "type": "object",
    "additionalProperties": obj({"inputCostPerToken": NUMBER, "outputCostPerToken": NUMBER}),
}
PARTY = obj(
    {"id": TEXT, "type": {"enum": ["user", "ai-agent", "human-agent"]}, "name": TEXT},
)
CONVERSATIONS = obj(
    {
        "conversations": many(
            obj(
                {
                    "id": TEXT,
                    "name": NULLABLE,
                    "platform": {"enum": ["web"]},
                    "messageCount": COUNT,
                    "createdAt": TEXT,
                    "updatedAt": TEXT,
                    "people": COUNT,
                    "heldBy": {"anyOf": [PARTY, {"type": "null"}]},
                }
            )
        ),
        "nextCursor": NULLABLE,
    }
)
CONVERSATION = obj(
    {
        "conversation": obj(
            {
                "id": TEXT,
                "name": NULLABLE,
                "owner": NULLABLE,
                "agentId": NULLABLE,
                "messageCount": COUNT,
                "createdAt": TEXT,
                "updatedAt": TEXT,
                "heldBy": {"anyOf": [PARTY, {"type": "null"}]},
                "people": many(PARTY),
            }
        )
    }
)
PARTICIPANTS = obj(
    {"participants": many(obj(PARTY["properties"] | {"joinedAt": TEXT}))},
)
MESSAGE = obj(
    {
        "id": TEXT,
        "direction": {"enum": ["inbound", "outbound"]},
        "content": obj({"text": TEXT}),
        "from": PARTY,
        "createdAt": TEXT,
    }
)
NEW_MESSAGE = obj({"text": {"type": "string", "minLength": 1, "maxLength": 10_000}})
WRITTEN = obj({"message": MESSAGE})
MESSAGES = obj(
    {
        "conversationId": TEXT,
        "messages": many(MESSAGE),
        "nextCursor": NULLABLE,
    }
)
AGENTS = obj(
    {
        "agents": many(
            obj(
                {
                    "id": TEXT,
                    "name": TEXT,
                    "model": NULLABLE,
                    "system": {"enum": ["react", "plan", "team", "workflow"]},
                    "origin": {"enum": ["file", "made"]},
                }
            )
        )
    },
)
NEW_AGENT: Json = {
    "type": "object",
    "description": "What an agent file says; the page about agents has its members.",
    "properties": {"id": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,200}$"}},
    "required": ["id"],
    "additionalProperties": True,
}
AGENT = obj({"agent": NEW_AGENT})
_SETTING: Json = {"type": ["string", "null"], "minLength": 1, "maxLength": 4000}
_TOOLS: Json = {
    "type": ["array", "null"],
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
    "maxItems": 200,
    "uniqueItems": True,
}
NEW_SETTINGS = obj(
    {"model": _SETTING, "systemPrompt": _SETTING, "persona": _SETTING, "defaultTools": _TOOLS},
    "model",
    "systemPrompt",
    "persona",
    "defaultTools",
)
SETTINGS = obj(
    {
        "settings": obj(
            {"orgId": TEXT}
            | dict.fromkeys(("model", "systemPrompt", "persona"), NULLABLE)
            | {"defaultTools": _TOOLS, "updatedAt": NULLABLE}
        )
    }
)
USAGE = obj(
    {
        "usage": obj(
            {
                "conversations": COUNT,
                "heldConversations": COUNT,
                "messages": COUNT,
                "turns": obj(
                    {"running": COUNT, "completed": COUNT, "cancelled": COUNT, "failed": COUNT}
                ),
                "promptTokens": COUNT,
                "completionTokens": COUNT,
                "costUsd": NUMBER,
            }
        )
    }
)
_DOCUMENT: Json = {
    "id": TEXT,
    "source": TEXT,
    "title": TEXT,
    "url": NULLABLE,
    "set": TEXT,
    "origin": TEXT,
    "shared": {"type": "boolean"},
    "passages": COUNT,
    "updatedAt": TEXT,
}
_WHOLE = obj(_DOCUMENT | {"readers": many(TEXT)})
DOCUMENTS = obj({"documents": many(obj(_DOCUMENT)), "nextCursor": NULLABLE})
DOCUMENT = obj({"document": _WHOLE})
TAKEN_IN = obj({"document": _WHOLE, "change": {"enum": ["new", "changed", "unchanged"]}})
DOCUMENT_SETS = obj({"documentSets": many(obj({"name": TEXT, "documentCount": COUNT}))})
_NAME: Json = {"type": "string", "minLength": 1, "maxLength": 200}
_ADDRESS = "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$"
_NAMES: Json = {"type": "array", "items": _NAME, "maxItems": 200}
NEW_DOCUMENT = obj(
    {
        "source": _NAME,
        "text": {"type": "string", "minLength": 1, "maxLength": 60_000},
        "title": _NAME,
        "url": {"type": "string", "pattern": _ADDRESS, "maxLength": 2000},
        "set": _NAME,
        "readers": obj(
            {"users": _NAMES, "groups": _NAMES, "public": {"type": "boolean"}},
            "users",
            "groups",
            "public",
        ),
    },
    "title",
    "url",
    "set",
    "readers",
)
_KIND: Json = {"enum": ["web", "file"]}
_WEB = obj({"url": {"type": "string", "pattern": _ADDRESS, "maxLength": 2000}})
_FILE = obj({"path": {"type": "string", "minLength": 1, "maxLength": 1000}})
_CONFIG: Json = {"oneOf": [_WEB, _FILE]}


def _config_of(kind: str, config: Json) -> Json:
    is_kind: Json = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
    return {"if": is_kind, "then": {"properties": {"config": config}}}


NEW_CONNECTOR: Json = obj(
    {
        "name": _NAME,
        "kind": _KIND,
        "config": {"type": "object"},
        "enabled": {"type": "boolean", "default": True},
    },
    "enabled",
) | {"allOf": [_config_of("web", _WEB), _config_of("file", _FILE)]}
CONNECTOR = obj(
    {
        "connector": obj(
            {
                "id": TEXT,
                "name": TEXT,
                "kind": _KIND,
                "config": _CONFIG,
                "enabled": {"type": "boolean"},
                "createdAt": TEXT,
                "updatedAt": TEXT,
            }
        )
    }
)
CONNECTORS = obj({"connectors": many(CONNECTOR["properties"]["connector"])})
RUN = obj(
    {
        "run": obj(
            {
                "id": TEXT,
                "connectorName": TEXT,
                "status": {"enum": ["succeeded", "failed"]},
                "startedAt": TEXT,
                "finishedAt": TEXT,
                "documentsSeen": COUNT,
                "documentsIndexed": COUNT,
                "documentsSkipped": COUNT,
                "error": NULLABLE,
            }
        )
    }
)
RUNS = obj({"runs": many(RUN["properties"]["run"])})
PUBLISH = obj(
    {
        "target": obj(
            {"type": {"enum": ["connection", "session", "user", "org", "agent"]}, "id": _NAME}
        ),
        "event": {
            "type": "object",
            "properties": {"type": {"type": "string", "minLength": 1, "maxLength": 100}},
            "required": ["type"],
        },
    }
)
DELIVERED = obj({"delivered": COUNT})
