-- Turns with who runs them, the requestIds that name them, their tool calls and questions.
CREATE TABLE turns (
    id              TEXT PRIMARY KEY,
    conversation_id TEXT    NOT NULL REFERENCES conversations (id),
    session_id      TEXT    NOT NULL REFERENCES sessions (id),
    request_id      TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('running', 'completed', 'cancelled', 'failed')),
    message_id      TEXT    NOT NULL REFERENCES messages (id),
    answer_id       TEXT,
    wants_tokens    INTEGER NOT NULL,
    step            INTEGER NOT NULL,
    saved           BYTEA,
    owner           TEXT    NOT NULL,
    lease_ms        BIGINT  NOT NULL,
    terminal        TEXT,
    started_ms      BIGINT  NOT NULL,
    ended_ms        BIGINT
);

-- One running turn a conversation, whoever begins it.
CREATE UNIQUE INDEX running_turn ON turns (conversation_id) WHERE state = 'running';
CREATE INDEX turns_of_message ON turns (message_id);

-- The turn that an id was accepted for; without one, the socket it may still come from.
CREATE TABLE request_ids (
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    request_id      TEXT NOT NULL,
    turn_id         TEXT,
    holder          TEXT NOT NULL,
    PRIMARY KEY (conversation_id, request_id)
);

CREATE TABLE tool_calls (
    turn_id    TEXT    NOT NULL REFERENCES turns (id),
    call_id    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    arguments  TEXT    NOT NULL,
    step       INTEGER NOT NULL,
    result     TEXT,
    is_error   INTEGER NOT NULL DEFAULT 0,
    started_ms BIGINT  NOT NULL,
    ended_ms   BIGINT ,
    PRIMARY KEY (turn_id, call_id)
);

CREATE TABLE questions (
    id            TEXT PRIMARY KEY,
    turn_id       TEXT    NOT NULL REFERENCES turns (id),
    session_id    TEXT    NOT NULL REFERENCES sessions (id),
    request_id    TEXT    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('confirmation', 'otp', 'interaction')),
    subject       TEXT    NOT NULL,
    opened_ms     BIGINT  NOT NULL,
    expires_ms    BIGINT  NOT NULL,
    attempts_left INTEGER,
    parked        INTEGER NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('open', 'answered', 'closed')),
    answer        TEXT,
    answered_ms   BIGINT
);

CREATE UNIQUE INDEX open_question ON questions (session_id, kind) WHERE state = 'open';
CREATE INDEX questions_of_session ON questions (session_id, kind, opened_ms);
CREATE INDEX questions_of_turn ON questions (turn_id);
