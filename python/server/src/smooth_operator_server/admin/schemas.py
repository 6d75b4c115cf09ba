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
CONVERSATIONS = obj(
    {
        "conversations": many(
            obj({"id": TEXT, "name": NULLABLE, "messageCount": COUNT, "updatedAt": TEXT})
        ),
        "nextCursor": NULLABLE,
    }
)
MESSAGES = obj(
    {
        "conversationId": TEXT,
        "messages": many(
            obj(
                {
                    "id": TEXT,
                    "direction": {"enum": ["inbound", "outbound"]},
                    "content": obj({"text": TEXT}),
                    "createdAt": TEXT,
                }
            )
        ),
        "nextCursor": NULLABLE,
    }
)
AGENTS = obj(
    {"agents": many(obj({"id": TEXT, "name": TEXT, "model": NULLABLE}))},
)
DOCUMENT_SETS = obj({"documentSets": many(obj({"name": TEXT, "documentCount": COUNT}))})
_NAME: Json = {"type": "string", "minLength": 1, "maxLength": 200}
_KIND: Json = {"enum": ["web", "file"]}
_ADDRESS = "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$"
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
        "target": obj({"type": {"enum": ["connection", "user", "org"]}, "id": _NAME}),
        "event": {
            "type": "object",
            "properties": {"type": {"type": "string", "minLength": 1, "maxLength": 100}},
            "required": ["type"],
        },
    }
)
DELIVERED = obj({"delivered": COUNT})
