-- Keys that sign. The private part is sealed under the root key, bound to its row.
CREATE TABLE signing_keys (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('root', 'issuer', 'jwt', 'edge')),
  issued_by TEXT,
  certificate BLOB,
  sealed_key BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  active_from INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  retires_at INTEGER
);

-- Versions of a service's sealing keys; the keys themselves are derived from the root key and stored nowhere.
CREATE TABLE sealing_versions (
  service TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (service, version)
);
