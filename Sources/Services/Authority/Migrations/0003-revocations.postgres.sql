-- As 0003 for SQLite.
CREATE TABLE revocations (
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  number bigint NOT NULL UNIQUE,
  source text NOT NULL,
  source_number bigint NOT NULL,
  owner text,
  family text,
  at bigint NOT NULL,
  issued_before bigint,
  expires_at bigint,
  PRIMARY KEY (kind, id)
);
CREATE INDEX revocations_owner ON revocations (owner) WHERE owner IS NOT NULL;
CREATE INDEX revocations_family ON revocations (family) WHERE family IS NOT NULL;
CREATE INDEX revocations_end ON revocations (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE revocation_feed (
  only_one bigint PRIMARY KEY CHECK (only_one = 1),
  feed text NOT NULL,
  head bigint NOT NULL
);
INSERT INTO revocation_feed (only_one, feed, head)
VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0);
