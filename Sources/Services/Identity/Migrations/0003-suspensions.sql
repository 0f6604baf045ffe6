-- Clients through which nothing goes, and people who may do nothing, until they are resumed.
CREATE TABLE suspensions (
  kind TEXT NOT NULL CHECK (kind IN ('client', 'person')),
  subject TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (kind, subject)
);
CREATE INDEX families_client ON families (client) WHERE revoked IS NULL;
CREATE INDEX families_person ON families (person) WHERE revoked IS NULL;
CREATE INDEX sessions_person ON sessions (person);
