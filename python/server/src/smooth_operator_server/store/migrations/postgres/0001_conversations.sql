-- Conversations, who takes part in them, the sessions on them, what was said, and passages.
CREATE TABLE conversations (
    id            TEXT COLLATE "C" PRIMARY KEY,
    org           TEXT   NOT NULL,
    owner         TEXT,
    title         TEXT,
    supports      TEXT   NOT NULL DEFAULT '[]',
    message_count BIGINT NOT NULL DEFAULT 0,
    created_ms    BIGINT NOT NULL,
    updated_ms    BIGINT NOT NULL
);

CREATE INDEX conversations_by_age ON conversations (org, updated_ms, id) WHERE message_count > 0;

CREATE TABLE participants (
    id                  TEXT PRIMARY KEY,
    conversation_id     TEXT   NOT NULL REFERENCES conversations (id),
    type                TEXT   NOT NULL CHECK (type IN ('user', 'ai-agent', 'human-agent')),
    name                TEXT   NOT NULL,
    email               TEXT,
    phone               TEXT,
    browser_fingerprint TEXT,
    created_ms          BIGINT NOT NULL
);

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
    created_ms           BIGINT  NOT NULL
);

CREATE TABLE messages (
    seq             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT   NOT NULL UNIQUE,
    conversation_id TEXT   NOT NULL REFERENCES conversations (id),
    participant_id  TEXT   NOT NULL REFERENCES participants (id),
    direction       TEXT   NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    text            TEXT   NOT NULL,
    created_ms      BIGINT NOT NULL
);

CREATE INDEX messages_of_conversation ON messages (conversation_id, seq);

-- English word forms, and every word: the database's own configuration leaves common ones out.
CREATE TEXT SEARCH DICTIONARY every_word (TEMPLATE = snowball, LANGUAGE = english);
CREATE TEXT SEARCH CONFIGURATION passage_words (COPY = english);
ALTER TEXT SEARCH CONFIGURATION passage_words
    ALTER MAPPING FOR asciiword, asciihword, hword_asciipart, word, hword, hword_part
    WITH every_word;

CREATE TABLE passages (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source TEXT     NOT NULL,
    text   TEXT     NOT NULL,
    words  TSVECTOR NOT NULL GENERATED ALWAYS AS (to_tsvector('passage_words', text)) STORED
);

CREATE INDEX passages_by_word ON passages USING gin (words);
CREATE INDEX passages_by_source ON passages (source);
