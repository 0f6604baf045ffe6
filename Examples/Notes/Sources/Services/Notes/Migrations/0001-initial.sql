CREATE TABLE entries (
  id TEXT PRIMARY KEY NOT NULL,
  owner TEXT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  opened_at BIGINT NOT NULL
);
CREATE INDEX entries_owner ON entries (owner, opened_at);
