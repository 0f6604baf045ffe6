-- Whose attempts a throttle counts, by the login's blind index, so that an operator can clear all that stand in the way of
-- one person; null for an address alone.
ALTER TABLE throttles ADD COLUMN login BLOB;
CREATE INDEX throttles_login ON throttles (login);
