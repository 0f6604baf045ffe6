-- As 0002 for SQLite.
ALTER TABLE sealing_versions ADD COLUMN retired_at bigint;
