-- Documents are kept as passages; the full-text index holds the passages themselves.
CREATE VIRTUAL TABLE passages USING fts5 (
    text,
    source UNINDEXED,
    tokenize = 'porter unicode61 remove_diacritics 2'
);
