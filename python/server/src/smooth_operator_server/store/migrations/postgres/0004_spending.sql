-- What the models of a session have cost, and the beginning of long conversations in short.
CREATE TABLE spending (
    session_id        TEXT PRIMARY KEY REFERENCES sessions (id),
    prompt_tokens     BIGINT           NOT NULL,
    completion_tokens BIGINT           NOT NULL,
    cost_usd          DOUBLE PRECISION NOT NULL
);

CREATE TABLE summaries (
    conversation_id    TEXT PRIMARY KEY REFERENCES conversations (id),
    through_message_id TEXT NOT NULL REFERENCES messages (id),
    text               TEXT NOT NULL
);
