-- As 0004 for SQLite.
CREATE TABLE secrets (
  service text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  sealed_value bytea,
  changed_at bigint NOT NULL,
  PRIMARY KEY (service, name)
);
