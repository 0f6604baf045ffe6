-- A version under which nothing is sealed any more is not given out any more. The row stays: its key follows from the
-- root key, and a store that was brought back from an old backup asks for it again.
ALTER TABLE sealing_versions ADD COLUMN retired_at INTEGER;
