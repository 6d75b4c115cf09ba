-- Conversations, who takes part in them, the sessions on them, and what was said.
CREATE TABLE conversations (
    id            TEXT PRIMARY KEY,
    title         TEXT,
    supports      TEXT    NOT NULL DEFAULT '[]',
    message_count INTEGER NOT NULL DEFAULT 0,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL
) STRICT;

CREATE INDEX conversations_by_age ON conversations (updated_ms, id) WHERE message_count > 0;

CREATE TABLE participants (
    id                  TEXT PRIMARY KEY,
    conversation_id     TEXT NOT NULL REFERENCES conversations (id),
    type                TEXT NOT NULL CHECK (type IN ('user', 'ai-agent', 'human-agent')),
    name                TEXT NOT NULL,
    email               TEXT,
    phone               TEXT,
    browser_fingerprint TEXT,
    created_ms          INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id                   TEXT PRIMARY KEY,
    conversation_id      TEXT    NOT NULL REFERENCES conversations (id),
    agent_id             TEXT    NOT NULL,
    agent_name           TEXT    NOT NULL,
    user_participant_id  TEXT    NOT NULL REFERENCES participants (id),
    agent_participant_id TEXT    NOT NULL REFERENCES participants (id),
    supports             TEXT    NOT NULL,
    verified             INTEGER NOT NULL DEFAULT 0,
    conversational       TEXT    NOT NULL DEFAULT '{}',
    metadata             TEXT    NOT NULL,
    created_ms           INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    conversation_id TEXT    NOT NULL REFERENCES conversations (id),
    participant_id  TEXT    NOT NULL REFERENCES participants (id),
    direction       TEXT    NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    text            TEXT    NOT NULL,
    created_ms      INTEGER NOT NULL
) STRICT;

CREATE INDEX messages_of_conversation ON messages (conversation_id, seq);
