-- People whose password is a one-time one, given by the operator: it opens nothing but the choice of a new one.
CREATE TABLE password_resets (
  person TEXT PRIMARY KEY NOT NULL REFERENCES people (person),
  expires_at BIGINT NOT NULL
);
