-- As 0004 for SQLite.
ALTER TABLE throttles ADD COLUMN login bytea;
CREATE INDEX throttles_login ON throttles (login);
