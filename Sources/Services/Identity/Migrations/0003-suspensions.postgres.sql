-- As 0003 for SQLite.
CREATE TABLE suspensions (
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('client', 'person')),
  subject text COLLATE "C" NOT NULL,
  since bigint NOT NULL,
  PRIMARY KEY (kind, subject)
);
CREATE INDEX families_client ON families (client) WHERE revoked IS NULL;
CREATE INDEX families_person ON families (person) WHERE revoked IS NULL;
CREATE INDEX sessions_person ON sessions (person);
