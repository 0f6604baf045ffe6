-- As 0006 for SQLite.
CREATE TABLE password_resets (
  person text COLLATE "C" PRIMARY KEY REFERENCES people (person),
  expires_at bigint NOT NULL
);
