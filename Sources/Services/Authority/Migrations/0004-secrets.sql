-- Secrets of the outside, sealed under the root key and bound to service, name and version. A row without a value is one
-- that was removed: its number stays, so that whoever has an older version sees that it is over.
CREATE TABLE secrets (
  service TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  sealed_value BLOB,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (service, name)
);
