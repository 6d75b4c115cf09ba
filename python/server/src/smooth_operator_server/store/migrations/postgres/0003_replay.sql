-- Pictures of a message, and the way from an answer to its turn.
ALTER TABLE messages ADD COLUMN images TEXT;

CREATE INDEX turns_of_answer ON turns (answer_id);
