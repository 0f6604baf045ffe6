-- Lines and indexes name a person and a payment by a short number of this store: what they said in texts before was most
-- of what a payment took on the disk.
CREATE TABLE people (
  number INTEGER PRIMARY KEY,
  subject TEXT NOT NULL UNIQUE,
  -- How many lines of activity there are.
  lines INTEGER NOT NULL
);
INSERT INTO people (subject, lines)
SELECT subject, (SELECT coalesce(max(number), 0) FROM activity WHERE activity.subject = known.subject)
FROM (SELECT DISTINCT subject FROM payments) AS known ORDER BY subject;

-- One row for each intent. The order never changes; state, reason, authorized_until and updated_at do.
CREATE TABLE short_payments (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  person INTEGER NOT NULL REFERENCES people (number),
  client TEXT NOT NULL,
  debtor TEXT NOT NULL,
  creditor TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  -- In clear, of an older build: the round in PaymentsService moves it to sealed_reference.
  reference TEXT,
  sealed_reference BLOB,
  correlation TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  authorized_until INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
INSERT INTO short_payments (id, person, client, debtor, creditor, amount, currency, reference, sealed_reference,
  correlation, state, reason, authorized_until, created_at, updated_at)
SELECT id, people.number, client, debtor, creditor, amount, currency, reference, sealed_reference,
  correlation, state, reason, authorized_until, created_at, updated_at
FROM payments JOIN people USING (subject) ORDER BY created_at, id;

-- What happened, line by line, numbered person by person; only ever added to.
CREATE TABLE lines (
  person INTEGER NOT NULL REFERENCES people (number),
  number INTEGER NOT NULL,
  payment INTEGER NOT NULL REFERENCES short_payments (number),
  event TEXT NOT NULL,
  reason TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (person, number)
) WITHOUT ROWID;
INSERT INTO lines (person, number, payment, event, reason, at)
SELECT people.number, activity.number, short_payments.number, activity.event, activity.reason, activity.at
FROM activity JOIN people USING (subject) JOIN short_payments ON short_payments.id = activity.payment;

DROP TABLE activity;
DROP TABLE payments;
ALTER TABLE short_payments RENAME TO payments;
ALTER TABLE lines RENAME TO activity;
CREATE INDEX payments_by_person ON payments (person, created_at);
CREATE INDEX payments_open ON payments (updated_at)
  WHERE state IN ('intent', 'holding', 'held', 'posting');
CREATE INDEX payments_in_clear ON payments (number) WHERE reference IS NOT NULL;
CREATE INDEX payments_by_seal ON payments (substr(sealed_reference, 1, 5))
  WHERE sealed_reference IS NOT NULL;
