-- Where documents are taken from by request, and what came of it.
CREATE TABLE connectors (
    id         TEXT PRIMARY KEY,
    org        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    config     TEXT    NOT NULL,
    enabled    BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);

CREATE INDEX connectors_of_org ON connectors (org, created_ms);

CREATE TABLE index_runs (
    id             TEXT PRIMARY KEY,
    org            TEXT    NOT NULL,
    connector_name TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    started_ms     BIGINT NOT NULL,
    finished_ms    BIGINT NOT NULL,
    seen           BIGINT NOT NULL,
    indexed        BIGINT NOT NULL,
    skipped        BIGINT NOT NULL,
    error          TEXT
);

CREATE INDEX index_runs_of_org ON index_runs (org, started_ms);
