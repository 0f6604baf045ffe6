-- The platform's revocation feed: one entry for each kind and id; what changes gets a new number.
CREATE TABLE revocations (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  number INTEGER NOT NULL UNIQUE,
  -- Who published it, under which number of its own.
  source TEXT NOT NULL,
  source_number INTEGER NOT NULL,
  owner TEXT,
  family TEXT,
  at INTEGER NOT NULL,
  issued_before INTEGER,
  expires_at INTEGER,
  PRIMARY KEY (kind, id)
);
CREATE INDEX revocations_owner ON revocations (owner) WHERE owner IS NOT NULL;
CREATE INDEX revocations_family ON revocations (family) WHERE family IS NOT NULL;
CREATE INDEX revocations_end ON revocations (expires_at) WHERE expires_at IS NOT NULL;

-- Numbers do not begin again when entries have gone; another store is another feed.
CREATE TABLE revocation_feed (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  feed TEXT NOT NULL,
  head INTEGER NOT NULL
);
INSERT INTO revocation_feed (only_one, feed, head) VALUES (1, lower(hex(randomblob(16))), 0);
