-- People who answer in an agent's place: who they are, whether they are there, who has the word.
ALTER TABLE participants ADD COLUMN identity TEXT;
ALTER TABLE participants ADD COLUMN left_ms INTEGER;

CREATE UNIQUE INDEX people ON participants (conversation_id, identity) WHERE type = 'human-agent';

ALTER TABLE conversations ADD COLUMN people INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN held_by TEXT REFERENCES participants (id);
