-- Agents that an organisation made for itself, beside those of the server's files, and what holds
-- for all of its agents.
CREATE TABLE agents (
    id         TEXT    NOT NULL,
    org        TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE org_settings (
    org        TEXT PRIMARY KEY,
    body       TEXT    NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
