-- As 0002 for SQLite.
CREATE TABLE revoked (
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('token', 'family', 'session', 'client', 'person')),
  subject text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL UNIQUE,
  owner text COLLATE "C",
  grant_family text COLLATE "C",
  at bigint NOT NULL,
  issued_before bigint,
  expires_at bigint,
  PRIMARY KEY (kind, subject)
);
CREATE INDEX revoked_owner ON revoked (owner) WHERE owner IS NOT NULL;

INSERT INTO revoked (kind, subject, sequence, at, expires_at)
  SELECT kind, subject, max(sequence), min(at), max(expires_at) FROM revocations GROUP BY kind, subject;
DROP TABLE revocations;
