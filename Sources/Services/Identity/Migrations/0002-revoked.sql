-- One entry for each thing that is revoked: what changes gets a new sequence, so the feed is as long as what is alive.
CREATE TABLE revoked (
  kind TEXT NOT NULL CHECK (kind IN ('token', 'family', 'session', 'client', 'person')),
  subject TEXT NOT NULL,
  sequence BIGINT NOT NULL UNIQUE,
  -- Whose tokens it concerns, and within which grant, where that bounds how many entries there may be.
  owner TEXT,
  grant_family TEXT,
  at BIGINT NOT NULL,
  -- Only tokens issued before are dead; NULL where all are.
  issued_before BIGINT,
  -- NULL until it is lifted.
  expires_at BIGINT,
  PRIMARY KEY (kind, subject)
);
CREATE INDEX revoked_owner ON revoked (owner) WHERE owner IS NOT NULL;

INSERT INTO revoked (kind, subject, sequence, at, expires_at)
  SELECT kind, subject, max(sequence), min(at), max(expires_at) FROM revocations GROUP BY kind, subject;
DROP TABLE revocations;
