-- Documents, who may read them, and the pieces that are searched, by words and by vectors.
DROP TABLE passages;

-- The organisation '*' stands for all of them.
CREATE TABLE documents (
    id          TEXT PRIMARY KEY,
    org         TEXT    NOT NULL,
    set_name    TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    url         TEXT,
    origin      TEXT    NOT NULL,
    embedder    TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    updated_ms  INTEGER NOT NULL,
    UNIQUE (org, source)
);

CREATE INDEX documents_of_origin ON documents (org, origin);

CREATE TABLE document_readers (
    document_id TEXT NOT NULL REFERENCES documents (id),
    reader      TEXT NOT NULL,
    PRIMARY KEY (document_id, reader)
) WITHOUT ROWID;

CREATE TABLE chunks (
    id          INTEGER PRIMARY KEY,
    document_id TEXT    NOT NULL REFERENCES documents (id),
    heading     TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    start_at    INTEGER NOT NULL,
    end_at      INTEGER NOT NULL,
    vector      BLOB
);

CREATE INDEX chunks_of_document ON chunks (document_id);

CREATE VIRTUAL TABLE chunk_words USING fts5 (
    heading,
    text,
    tokenize = 'porter unicode61 remove_diacritics 2'
);

-- Changes with every change of the documents, for those who keep vectors in memory.
CREATE TABLE knowledge_version (version INTEGER NOT NULL);
INSERT INTO knowledge_version VALUES (1);

-- What the person of a session may read: JSON, null for everything.
ALTER TABLE sessions ADD COLUMN readers TEXT NOT NULL DEFAULT '["public", "org"]';
