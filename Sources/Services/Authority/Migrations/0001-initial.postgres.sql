-- As 0001 for SQLite.

CREATE TABLE signing_keys (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('root', 'issuer', 'jwt', 'edge')),
  issued_by text,
  certificate bytea,
  sealed_key bytea NOT NULL,
  created_at bigint NOT NULL,
  active_from bigint NOT NULL,
  not_after bigint NOT NULL,
  retires_at bigint
);

CREATE TABLE sealing_versions (
  service text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (service, version)
);
