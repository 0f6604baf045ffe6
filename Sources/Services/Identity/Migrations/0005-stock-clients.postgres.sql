-- As 0005 for SQLite.
ALTER TABLE refresh_tokens ADD COLUMN repeatable_until bigint;
ALTER TABLE refresh_tokens ADD COLUMN salt bytea;
CREATE INDEX refresh_tokens_repeatable ON refresh_tokens (repeatable_until) WHERE repeatable_until IS NOT NULL;

CREATE TABLE kept_requests (
  digest bytea PRIMARY KEY,
  query text NOT NULL,
  place bytea NOT NULL,
  kept_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX kept_requests_age ON kept_requests (kept_at);
CREATE INDEX kept_requests_place ON kept_requests (place, kept_at);

ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_algorithm_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_algorithm_check
  CHECK (algorithm IN ('ES256', 'EdDSA', 'RS256'));
