-- As 0001 for SQLite. Identifiers sort by their bytes, as they do there.

-- The place of some bytes within others, from 1; 0 where they are not there. SQLite has it.
CREATE FUNCTION instr(bytea, bytea) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS 'SELECT position($2 IN $1)::bigint';

CREATE TABLE sealed_secrets (
  name text COLLATE "C" PRIMARY KEY,
  secret bytea NOT NULL
);

CREATE TABLE signing_keys (
  kid text COLLATE "C" PRIMARY KEY,
  algorithm text NOT NULL CHECK (algorithm IN ('ES256', 'EdDSA')),
  secret bytea NOT NULL,
  phase text NOT NULL CHECK (phase IN ('announced', 'active', 'retired')),
  retired_at bigint,
  CHECK ((phase = 'retired') = (retired_at IS NOT NULL))
);

CREATE TABLE people (
  person text COLLATE "C" PRIMARY KEY,
  login_index bytea NOT NULL UNIQUE,
  password text NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE clients (
  client text COLLATE "C" PRIMARY KEY,
  registration bytea NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE sessions (
  digest bytea PRIMARY KEY,
  session text COLLATE "C" NOT NULL UNIQUE,
  person text COLLATE "C" NOT NULL REFERENCES people (person),
  signed_in_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  expires_at bigint NOT NULL
);

CREATE TABLE consents (
  person text COLLATE "C" NOT NULL REFERENCES people (person),
  client text COLLATE "C" NOT NULL REFERENCES clients (client),
  scope text COLLATE "C" NOT NULL,
  given_at bigint NOT NULL,
  PRIMARY KEY (person, client, scope)
);

CREATE TABLE families (
  family text COLLATE "C" PRIMARY KEY,
  client text COLLATE "C" NOT NULL REFERENCES clients (client),
  person text COLLATE "C" NOT NULL REFERENCES people (person),
  session text COLLATE "C" NOT NULL,
  scopes text NOT NULL,
  signed_in_at bigint NOT NULL,
  generation bigint NOT NULL CHECK (generation >= 0),
  revoked text,
  expires_at bigint NOT NULL
);
CREATE INDEX families_session ON families (session);

CREATE TABLE codes (
  digest bytea PRIMARY KEY,
  family text COLLATE "C" NOT NULL UNIQUE REFERENCES families (family),
  redirect_uri text NOT NULL,
  challenge text NOT NULL,
  nonce text,
  state text NOT NULL CHECK (state IN ('issued', 'redeemed', 'void')),
  expires_at bigint NOT NULL
);

CREATE TABLE refresh_tokens (
  digest bytea PRIMARY KEY,
  family text COLLATE "C" NOT NULL REFERENCES families (family),
  generation bigint NOT NULL,
  issued_at bigint NOT NULL,
  UNIQUE (family, generation)
);

CREATE TABLE used_assertions (
  client text COLLATE "C" NOT NULL,
  jti bytea NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (client, jti)
);

CREATE TABLE throttles (
  subject bytea PRIMARY KEY,
  attempts bigint NOT NULL CHECK (attempts > 0),
  last_at bigint NOT NULL
);
CREATE INDEX throttles_last ON throttles (last_at);

CREATE TABLE revocations (
  sequence bigint PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('token', 'family', 'session', 'client')),
  subject text NOT NULL,
  at bigint NOT NULL,
  expires_at bigint NOT NULL
);

CREATE TABLE counters (
  name text COLLATE "C" PRIMARY KEY,
  value bigint NOT NULL
);
INSERT INTO counters (name, value) VALUES ('revocations', 0);
