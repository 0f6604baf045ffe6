-- The books. What was accepted never changes: accounts, transfers, the ends of holds and the tokens used are inserted once,
-- and triggers refuse the rest. Only `balances`, `open_holds` and `book`, which follow from them, move.

CREATE TABLE accounts (
  number INTEGER PRIMARY KEY CHECK (number >= 0),
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  currency INTEGER NOT NULL,
  code INTEGER NOT NULL CHECK (code BETWEEN 1 AND 65535),
  owner BLOB CHECK (length(owner) = 16),
  flags INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX accounts_by_owner ON accounts (owner, number) WHERE owner IS NOT NULL;

CREATE TABLE balances (
  account INTEGER PRIMARY KEY REFERENCES accounts (number),
  debits_pending INTEGER NOT NULL CHECK (debits_pending >= 0),
  debits_posted INTEGER NOT NULL CHECK (debits_posted >= 0),
  credits_pending INTEGER NOT NULL CHECK (credits_pending >= 0),
  credits_posted INTEGER NOT NULL CHECK (credits_posted >= 0),
  is_closed INTEGER NOT NULL CHECK (is_closed IN (0, 1)),
  CHECK (debits_pending + debits_posted <= 9007199254740991),
  CHECK (credits_pending + credits_posted <= 9007199254740991)
);

CREATE TABLE transfers (
  sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  debit_account INTEGER NOT NULL REFERENCES accounts (number),
  credit_account INTEGER NOT NULL REFERENCES accounts (number),
  amount INTEGER NOT NULL CHECK (amount BETWEEN 0 AND 9007199254740991),
  amount_limit INTEGER,
  currency INTEGER NOT NULL,
  code INTEGER NOT NULL CHECK (code BETWEEN 1 AND 65535),
  pending_id BLOB CHECK (length(pending_id) = 16),
  timeout_seconds INTEGER NOT NULL CHECK (timeout_seconds >= 0),
  payment_id BLOB CHECK (length(payment_id) = 16),
  correlation_id BLOB CHECK (length(correlation_id) = 16),
  booked_on INTEGER,
  flags INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  CHECK (debit_account <> credit_account)
);
CREATE INDEX transfers_by_debit_account ON transfers (debit_account, sequence);
CREATE INDEX transfers_by_credit_account ON transfers (credit_account, sequence);

-- One row for each hold that has ended: the primary key is the last defence against ending one twice.
CREATE TABLE hold_ends (
  hold INTEGER PRIMARY KEY REFERENCES transfers (sequence),
  manner TEXT NOT NULL CHECK (manner IN ('posted', 'voided', 'expired')),
  ended_by BLOB CHECK (length(ended_by) = 16),
  ended_at INTEGER NOT NULL
);

-- The holds without an end, so that the start need not read all of history.
CREATE TABLE open_holds (
  hold INTEGER PRIMARY KEY REFERENCES transfers (sequence)
);

-- One hold for each transaction token.
CREATE TABLE hold_tokens (
  txn BLOB PRIMARY KEY CHECK (length(txn) = 16),
  hold INTEGER NOT NULL UNIQUE REFERENCES transfers (sequence)
);

-- Counts the changes of the books; a book in memory that has another count is behind or ahead, and is read again.
CREATE TABLE book (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,
  latest INTEGER NOT NULL
);
INSERT INTO book (id, revision, latest) VALUES (1, 0, 0);

CREATE TRIGGER accounts_stay BEFORE UPDATE ON accounts
BEGIN SELECT RAISE(ABORT, 'accounts never change'); END;
CREATE TRIGGER accounts_remain BEFORE DELETE ON accounts
BEGIN SELECT RAISE(ABORT, 'accounts are never deleted'); END;
CREATE TRIGGER transfers_stay BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers never change'); END;
CREATE TRIGGER transfers_remain BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are never deleted'); END;
CREATE TRIGGER hold_ends_stay BEFORE UPDATE ON hold_ends
BEGIN SELECT RAISE(ABORT, 'a hold ends once'); END;
CREATE TRIGGER hold_ends_remain BEFORE DELETE ON hold_ends
BEGIN SELECT RAISE(ABORT, 'a hold ends for ever'); END;
CREATE TRIGGER hold_tokens_stay BEFORE UPDATE ON hold_tokens
BEGIN SELECT RAISE(ABORT, 'a token is used once'); END;
CREATE TRIGGER hold_tokens_remain BEFORE DELETE ON hold_tokens
BEGIN SELECT RAISE(ABORT, 'a token stays used'); END;
