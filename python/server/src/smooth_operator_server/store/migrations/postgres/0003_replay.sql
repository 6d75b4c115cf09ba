-- Pictures of a message, and the way from an answer to its turn.
ALTER TABLE messages ADD COLUMN images TEXT;

CREATE INDEX turns_of_answer ON turns (answer_id);

-- Events of running turns, for the server that takes one over. Nothing beyond ``stored_seq`` went
-- out as long as ``spoilt_seq`` is not above it; only then may another server go on counting.
ALTER TABLE turns ADD COLUMN stored_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN spoilt_seq INTEGER NOT NULL DEFAULT 1;

CREATE TABLE turn_events (
    turn_id TEXT    NOT NULL REFERENCES turns (id),
    seq     INTEGER NOT NULL,
    event   TEXT    NOT NULL,
    PRIMARY KEY (turn_id, seq)
);
