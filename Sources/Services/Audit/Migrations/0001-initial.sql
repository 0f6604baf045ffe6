-- Every record, once, in the order of the log. Rows are only ever added.
CREATE TABLE audit_record (
  sequence INTEGER PRIMARY KEY,
  record_id BLOB NOT NULL UNIQUE,
  correlation BLOB NOT NULL,
  subject TEXT,
  -- The canonical JSON of the record: the very bytes that the log hashes.
  entry BLOB NOT NULL
);
CREATE INDEX audit_record_correlation ON audit_record (correlation, sequence);
CREATE INDEX audit_record_subject ON audit_record (subject, sequence);

-- The log's key, made once. The seed is sealed under the service's keyring.
CREATE TABLE log_key (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  origin TEXT NOT NULL,
  sealed_seed BLOB NOT NULL,
  verifier_key TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

-- The newest checkpoint that was published, so that a log folder from an older backup is noticed.
CREATE TABLE published_checkpoint (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  size BIGINT NOT NULL,
  note BLOB NOT NULL
);
