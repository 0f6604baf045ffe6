-- Times are whole milliseconds since 1970-01-01T00:00:00Z. What a thief could use (codes, tokens, cookies) is kept only
-- as a SHA-256 digest; what names a person (login, address) only as a keyed blind index; keys are sealed.

CREATE TABLE sealed_secrets (
  name TEXT PRIMARY KEY NOT NULL,
  secret BLOB NOT NULL
);

CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY NOT NULL,
  algorithm TEXT NOT NULL CHECK (algorithm IN ('ES256', 'EdDSA')),
  secret BLOB NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('announced', 'active', 'retired')),
  retired_at BIGINT,
  CHECK ((phase = 'retired') = (retired_at IS NOT NULL))
);

CREATE TABLE people (
  person TEXT PRIMARY KEY NOT NULL,
  login_index BLOB NOT NULL UNIQUE,
  password TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE clients (
  client TEXT PRIMARY KEY NOT NULL,
  registration BLOB NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
  digest BLOB PRIMARY KEY NOT NULL,
  session TEXT NOT NULL UNIQUE,
  person TEXT NOT NULL REFERENCES people (person),
  signed_in_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE TABLE consents (
  person TEXT NOT NULL REFERENCES people (person),
  client TEXT NOT NULL REFERENCES clients (client),
  scope TEXT NOT NULL,
  given_at BIGINT NOT NULL,
  PRIMARY KEY (person, client, scope)
);

CREATE TABLE families (
  family TEXT PRIMARY KEY NOT NULL,
  client TEXT NOT NULL REFERENCES clients (client),
  person TEXT NOT NULL REFERENCES people (person),
  session TEXT NOT NULL,
  scopes TEXT NOT NULL,
  signed_in_at BIGINT NOT NULL,
  generation BIGINT NOT NULL CHECK (generation >= 0),
  revoked TEXT,
  expires_at BIGINT NOT NULL
);
CREATE INDEX families_session ON families (session);

CREATE TABLE codes (
  digest BLOB PRIMARY KEY NOT NULL,
  family TEXT NOT NULL UNIQUE REFERENCES families (family),
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,
  nonce TEXT,
  state TEXT NOT NULL CHECK (state IN ('issued', 'redeemed', 'void')),
  expires_at BIGINT NOT NULL
);

CREATE TABLE refresh_tokens (
  digest BLOB PRIMARY KEY NOT NULL,
  family TEXT NOT NULL REFERENCES families (family),
  generation BIGINT NOT NULL,
  issued_at BIGINT NOT NULL,
  UNIQUE (family, generation)
);

CREATE TABLE used_assertions (
  client TEXT NOT NULL,
  jti BLOB NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (client, jti)
);

CREATE TABLE throttles (
  subject BLOB PRIMARY KEY NOT NULL,
  attempts BIGINT NOT NULL CHECK (attempts > 0),
  last_at BIGINT NOT NULL
);
CREATE INDEX throttles_last ON throttles (last_at);

CREATE TABLE revocations (
  sequence BIGINT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('token', 'family', 'session', 'client')),
  subject TEXT NOT NULL,
  at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

-- The sequence must not start again when old revocations have been forgotten.
CREATE TABLE counters (
  name TEXT PRIMARY KEY NOT NULL,
  value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('revocations', 0);
