-- As 0001 for SQLite. Identifiers sort by their bytes, as they do there.
CREATE TABLE payments (
  id text COLLATE "C" PRIMARY KEY,
  subject text COLLATE "C" NOT NULL,
  client text NOT NULL,
  debtor text NOT NULL,
  creditor text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  reference text,
  correlation text NOT NULL,
  state text NOT NULL,
  reason text,
  authorized_until bigint NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE INDEX payments_by_subject ON payments (subject, created_at, id);
CREATE INDEX payments_open ON payments (updated_at)
  WHERE state IN ('intent', 'holding', 'held', 'posting');

CREATE TABLE activity (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject text COLLATE "C" NOT NULL,
  payment text COLLATE "C" NOT NULL REFERENCES payments (id),
  event text NOT NULL,
  reason text,
  at bigint NOT NULL
);
CREATE INDEX activity_by_subject ON activity (subject, sequence);
