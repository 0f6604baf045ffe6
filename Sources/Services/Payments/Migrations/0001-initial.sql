-- One row for each intent. The order never changes; state, reason, authorized_until and updated_at do.
CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  client TEXT NOT NULL,
  debtor TEXT NOT NULL,
  creditor TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  reference TEXT,
  correlation TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  authorized_until INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE INDEX payments_by_subject ON payments (subject, created_at, id);
CREATE INDEX payments_open ON payments (updated_at)
  WHERE state IN ('intent', 'holding', 'held', 'posting');

-- What happened, line by line; only ever added to.
CREATE TABLE activity (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL,
  payment TEXT NOT NULL REFERENCES payments (id),
  event TEXT NOT NULL,
  reason TEXT,
  at INTEGER NOT NULL
);
CREATE INDEX activity_by_subject ON activity (subject, sequence);
