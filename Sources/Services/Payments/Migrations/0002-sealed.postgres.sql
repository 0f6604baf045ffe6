-- As 0002 for SQLite.
ALTER TABLE payments ADD COLUMN sealed_reference bytea;
CREATE INDEX payments_in_clear ON payments (id) WHERE reference IS NOT NULL;
CREATE INDEX payments_by_seal ON payments (substr(sealed_reference, 1, 5))
  WHERE sealed_reference IS NOT NULL;
CREATE INDEX idempotency_by_seal ON idempotency (substr(body, 1, 5)) WHERE body IS NOT NULL;

ALTER TABLE activity ADD COLUMN number bigint NOT NULL DEFAULT 0;
UPDATE activity SET number = counted.number FROM (
  SELECT sequence, row_number() OVER (PARTITION BY subject ORDER BY sequence) AS number FROM activity
) AS counted WHERE counted.sequence = activity.sequence;
CREATE UNIQUE INDEX activity_by_number ON activity (subject, number);
DROP INDEX activity_by_subject;
