-- As 0001 for SQLite.
CREATE TABLE audit_record (
  sequence bigint PRIMARY KEY,
  record_id bytea NOT NULL UNIQUE,
  correlation text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  entry bytea NOT NULL
);
CREATE INDEX audit_record_correlation ON audit_record (correlation, sequence);
CREATE INDEX audit_record_subject ON audit_record (subject, sequence);

CREATE TABLE log_key (
  singleton bigint PRIMARY KEY CHECK (singleton = 1),
  origin text NOT NULL,
  sealed_seed bytea NOT NULL,
  verifier_key text NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE published_checkpoint (
  singleton bigint PRIMARY KEY CHECK (singleton = 1),
  size bigint NOT NULL,
  note bytea NOT NULL
);
