package import Storage

extension Migration {
  /// The ledger's tables. The journal is the truth; everything below it follows from it, and can be
  /// dropped and built again.
  package static let journal = Migration(
    1, "journal",
    sql: Array(
      """
      CREATE TABLE journal (
        sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
        moment INTEGER NOT NULL,
        first_transfer INTEGER NOT NULL,
        transfers INTEGER NOT NULL CHECK (transfers >= 0),
        rows_at INTEGER NOT NULL,
        hash BLOB NOT NULL CHECK (length(hash) = 32),
        body BLOB NOT NULL
      );
      CREATE UNIQUE INDEX journal_by_transfer ON journal (first_transfer) WHERE transfers > 0;
      CREATE TRIGGER journal_stays BEFORE UPDATE ON journal
      BEGIN SELECT RAISE(ABORT, 'the journal never changes'); END;
      CREATE TRIGGER journal_remains BEFORE DELETE ON journal
      BEGIN SELECT RAISE(ABORT, 'the journal is never deleted'); END;

      -- Who may write: a commit with an older epoch fails.
      CREATE TABLE writer (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL);
      INSERT INTO writer (id, epoch) VALUES (1, 0);

      CREATE TABLE snapshots (
        sequence INTEGER PRIMARY KEY, hash BLOB NOT NULL, body BLOB NOT NULL
      );
      CREATE TABLE account_owners (
        owner BLOB NOT NULL CHECK (length(owner) = 16), number INTEGER NOT NULL,
        PRIMARY KEY (owner, number)
      ) WITHOUT ROWID;

      -- Each segment indexes the transfers first to last; together they leave no gap.
      CREATE TABLE index_segments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, level INTEGER NOT NULL,
        first INTEGER NOT NULL UNIQUE, last INTEGER NOT NULL
      );
      CREATE TABLE index_chunks (
        id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, kind INTEGER NOT NULL,
        first_key BLOB NOT NULL, body BLOB NOT NULL
      );
      CREATE INDEX index_chunks_by_key ON index_chunks (segment, kind, first_key);
      """.utf8),
    postgres: Array(
      """
      CREATE TABLE journal (
        sequence bigint PRIMARY KEY CHECK (sequence >= 1),
        moment bigint NOT NULL,
        first_transfer bigint NOT NULL,
        transfers bigint NOT NULL CHECK (transfers >= 0),
        rows_at bigint NOT NULL,
        hash bytea NOT NULL CHECK (octet_length(hash) = 32),
        body bytea NOT NULL
      );
      -- Entries are dense already: compressing them only costs.
      ALTER TABLE journal ALTER body SET STORAGE EXTERNAL;
      CREATE UNIQUE INDEX journal_by_transfer ON journal (first_transfer) WHERE transfers > 0;
      CREATE FUNCTION journal_stays() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'the journal never changes' USING ERRCODE = 'restrict_violation'; END $$;
      CREATE TRIGGER journal_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
      FOR EACH STATEMENT EXECUTE FUNCTION journal_stays();

      CREATE TABLE writer (id bigint PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL);
      INSERT INTO writer (id, epoch) VALUES (1, 0);

      CREATE TABLE snapshots (sequence bigint PRIMARY KEY, hash bytea NOT NULL, body bytea NOT NULL);
      ALTER TABLE snapshots ALTER body SET STORAGE EXTERNAL;
      CREATE TABLE account_owners (
        owner bytea NOT NULL CHECK (octet_length(owner) = 16), number bigint NOT NULL,
        PRIMARY KEY (owner, number)
      );

      CREATE TABLE index_segments (
        id bigint PRIMARY KEY, level bigint NOT NULL, first bigint NOT NULL UNIQUE,
        last bigint NOT NULL
      );
      CREATE TABLE index_chunks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, segment bigint NOT NULL,
        kind bigint NOT NULL, first_key bytea NOT NULL, body bytea NOT NULL
      );
      ALTER TABLE index_chunks ALTER body SET STORAGE EXTERNAL;
      CREATE INDEX index_chunks_by_key ON index_chunks (segment, kind, first_key);
      """.utf8))
}
