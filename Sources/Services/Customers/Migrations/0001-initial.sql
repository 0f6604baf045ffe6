-- Every column about a person is sealed (AES-256-GCM; key id in the ciphertext; tenant, table, column and row as
-- associated data). Times are whole milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE customers (
  id TEXT PRIMARY KEY NOT NULL,
  -- The newest key version that every sealed column of this row is sealed under.
  key_version BIGINT NOT NULL CHECK (key_version > 0),
  given_name BLOB NOT NULL,
  family_name BLOB NOT NULL,
  email BLOB NOT NULL,
  phone BLOB NOT NULL,
  address BLOB NOT NULL,
  birth_date BLOB NOT NULL,
  national_id BLOB,
  created_at BIGINT NOT NULL
);
CREATE INDEX customers_key_version ON customers (key_version);
