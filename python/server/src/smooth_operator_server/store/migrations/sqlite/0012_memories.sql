-- What agents remember of people: facts that they approved, conversations in short. A person is an
-- owner of conversations; '' is the one person of a server that asks nobody who they are.
CREATE TABLE memories (
    id              TEXT PRIMARY KEY,
    org             TEXT    NOT NULL,
    person          TEXT    NOT NULL,
    agent           TEXT    NOT NULL,
    kind            TEXT    NOT NULL CHECK (kind IN ('fact', 'episode')),
    text            TEXT    NOT NULL,
    vector          BLOB,
    embedder        TEXT    NOT NULL,
    -- Of an episode.
    conversation_id TEXT,
    created_ms      INTEGER NOT NULL,
    used_ms         INTEGER NOT NULL,
    uses            INTEGER NOT NULL
) STRICT;

CREATE INDEX memories_of_person ON memories (org, person, agent);
CREATE INDEX memories_of_conversation ON memories (conversation_id);

-- Who has agreed that conversations are summed up for later, and since when.
CREATE TABLE memory_consents (
    org      TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    agent    TEXT    NOT NULL,
    given_ms INTEGER NOT NULL,
    PRIMARY KEY (org, person, agent)
) STRICT;
