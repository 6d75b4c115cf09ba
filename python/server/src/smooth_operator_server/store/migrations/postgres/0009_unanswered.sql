-- Messages that were passed on to people and are not answered yet: few, and looked for by each answer.
CREATE INDEX unanswered_turns ON turns (conversation_id) WHERE state = 'completed' AND answer_id IS NULL;
