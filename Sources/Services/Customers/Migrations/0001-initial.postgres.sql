-- As 0001 for SQLite. Identifiers sort by their bytes, as they do there.

CREATE TABLE customers (
  id text COLLATE "C" PRIMARY KEY,
  key_version bigint NOT NULL CHECK (key_version > 0),
  given_name bytea NOT NULL,
  family_name bytea NOT NULL,
  email bytea NOT NULL,
  phone bytea NOT NULL,
  address bytea NOT NULL,
  birth_date bytea NOT NULL,
  national_id bytea,
  created_at bigint NOT NULL
);
CREATE INDEX customers_key_version ON customers (key_version);
