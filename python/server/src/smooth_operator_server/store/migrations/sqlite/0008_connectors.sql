-- Where documents are taken from by request, and what came of it.
CREATE TABLE connectors (
    id         TEXT PRIMARY KEY,
    org        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    config     TEXT    NOT NULL,
    enabled    INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
);

CREATE INDEX connectors_of_org ON connectors (org, created_ms);

CREATE TABLE index_runs (
    id             TEXT PRIMARY KEY,
    org            TEXT    NOT NULL,
    connector_name TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    started_ms     INTEGER NOT NULL,
    finished_ms    INTEGER NOT NULL,
    seen           INTEGER NOT NULL,
    indexed        INTEGER NOT NULL,
    skipped        INTEGER NOT NULL,
    error          TEXT
);

CREATE INDEX index_runs_of_org ON index_runs (org, started_ms);
