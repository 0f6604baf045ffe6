-- From here on a record's bytes are kept once. `audit_record` holds what stands in no full bundle of the log yet; what does
-- is moved out of it into this index, bundle by bundle. A store from before has all its records there, and they follow.
CREATE TABLE logged_id (
  record_id BLOB PRIMARY KEY,
  sequence INTEGER NOT NULL
) WITHOUT ROWID;

-- In which bundles there are records of a correlation or of a subject: the first eight bytes of a digest of either, and the
-- bundle's number. Whether a record is meant, its bytes tell.
CREATE TABLE logged_term (
  term INTEGER NOT NULL,
  bundle INTEGER NOT NULL,
  PRIMARY KEY (term, bundle)
) WITHOUT ROWID;

-- Sequence numbers: records before `moved` are in the index, those before `expired` are kept no longer.
CREATE TABLE log_progress (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  moved INTEGER NOT NULL,
  expired INTEGER NOT NULL
);
INSERT INTO log_progress (singleton, moved, expired) VALUES (1, 0, 0);
