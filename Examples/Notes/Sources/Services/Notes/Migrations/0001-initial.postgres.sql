CREATE TABLE entries (
  id text COLLATE "C" PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  title text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  opened_at bigint NOT NULL
);
CREATE INDEX entries_owner ON entries (owner, opened_at);
