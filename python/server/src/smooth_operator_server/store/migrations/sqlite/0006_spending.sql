-- What the models of a session have cost, and the beginning of long conversations in short.
CREATE TABLE spending (
    session_id        TEXT PRIMARY KEY REFERENCES sessions (id),
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_usd          REAL    NOT NULL
) WITHOUT ROWID;

CREATE TABLE summaries (
    conversation_id    TEXT PRIMARY KEY REFERENCES conversations (id),
    through_message_id TEXT NOT NULL REFERENCES messages (id),
    text               TEXT NOT NULL
) WITHOUT ROWID;
