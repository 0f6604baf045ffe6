-- As 0002 for SQLite.
CREATE TABLE logged_id (
  record_id bytea PRIMARY KEY,
  sequence bigint NOT NULL
);

CREATE TABLE logged_term (
  term bigint NOT NULL,
  bundle bigint NOT NULL,
  PRIMARY KEY (term, bundle)
);

CREATE TABLE log_progress (
  singleton bigint PRIMARY KEY CHECK (singleton = 1),
  moved bigint NOT NULL,
  expired bigint NOT NULL
);
INSERT INTO log_progress (singleton, moved, expired) VALUES (1, 0, 0);
