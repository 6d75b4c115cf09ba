-- Whose a conversation is: an organisation's, and in it one person's or everybody's.
ALTER TABLE conversations ADD COLUMN org TEXT NOT NULL DEFAULT 'local';
ALTER TABLE conversations ADD COLUMN owner TEXT;

DROP INDEX conversations_by_age;
CREATE INDEX conversations_by_age ON conversations (org, updated_ms, id) WHERE message_count > 0;
