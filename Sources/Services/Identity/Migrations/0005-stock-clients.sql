-- The refresh token that was replaced last can be answered once more for a moment, where the answer was lost: with the salt
-- the same successor comes of it, and of nothing else. Both are gone as soon as they have served.
ALTER TABLE refresh_tokens ADD COLUMN repeatable_until BIGINT;
ALTER TABLE refresh_tokens ADD COLUMN salt BLOB;
CREATE INDEX refresh_tokens_repeatable ON refresh_tokens (repeatable_until) WHERE repeatable_until IS NOT NULL;

-- Authorization requests that are too long to be carried along in an address: who has the handle may go on with it.
CREATE TABLE kept_requests (
  digest BLOB PRIMARY KEY NOT NULL,
  query TEXT NOT NULL,
  place BLOB NOT NULL,
  kept_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX kept_requests_age ON kept_requests (kept_at);
CREATE INDEX kept_requests_place ON kept_requests (place, kept_at);

-- ID tokens of clients that ask for it are signed with RS256, by keys of their own series.
CREATE TABLE signing_keys_of_all_kinds (
  kid TEXT PRIMARY KEY NOT NULL,
  algorithm TEXT NOT NULL CHECK (algorithm IN ('ES256', 'EdDSA', 'RS256')),
  secret BLOB NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('announced', 'active', 'retired')),
  retired_at BIGINT,
  CHECK ((phase = 'retired') = (retired_at IS NOT NULL))
);
INSERT INTO signing_keys_of_all_kinds (kid, algorithm, secret, phase, retired_at)
  SELECT kid, algorithm, secret, phase, retired_at FROM signing_keys;
DROP TABLE signing_keys;
ALTER TABLE signing_keys_of_all_kinds RENAME TO signing_keys;
