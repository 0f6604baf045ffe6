extension Migration {
  /// What every store has, under the same rule, in the order of their running.
  static let fabric = [tables, bundles, heirs, work]

  /// The outbox and the idempotency keys.
  private static let tables = Migration(
    0, "fabric",
    sql: Array(
      """
      CREATE TABLE outbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        body BLOB NOT NULL,
        appended_at INTEGER NOT NULL
      );
      CREATE INDEX outbox_by_topic ON outbox (topic, sequence);
      CREATE TABLE outbox_refused (
        id TEXT PRIMARY KEY,
        topic TEXT NOT NULL,
        body BLOB NOT NULL,
        appended_at INTEGER NOT NULL,
        refused_at INTEGER NOT NULL,
        reason TEXT NOT NULL
      );
      CREATE TABLE idempotency (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        begun_at INTEGER NOT NULL,
        resource TEXT,
        status INTEGER,
        headers BLOB,
        body BLOB,
        PRIMARY KEY (scope, key)
      );
      """.utf8),
    postgres: Array(
      """
      CREATE TABLE outbox (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL UNIQUE,
        topic text NOT NULL,
        body bytea NOT NULL,
        appended_at bigint NOT NULL
      );
      CREATE INDEX outbox_by_topic ON outbox (topic, sequence);
      CREATE TABLE outbox_refused (
        id text PRIMARY KEY,
        topic text NOT NULL,
        body bytea NOT NULL,
        appended_at bigint NOT NULL,
        refused_at bigint NOT NULL,
        reason text NOT NULL
      );
      CREATE TABLE idempotency (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        begun_at bigint NOT NULL,
        resource text,
        status bigint,
        headers bytea,
        body bytea,
        PRIMARY KEY (scope, key)
      );
      """.utf8))

  /// The messages of one commit become one row, see `OutboxBundle`.
  private static let bundles = Migration(
    -1, "outbox bundles",
    sql: Array(
      """
      CREATE TABLE bundles (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        messages INTEGER NOT NULL,
        body BLOB NOT NULL
      );
      INSERT INTO bundles (topic, messages, body)
      SELECT topic, 1, CAST(
        length(CAST(id AS BLOB)) || ' ' || appended_at || ' ' || length(body) || char(10) || id || body AS BLOB)
      FROM outbox ORDER BY sequence;
      DROP TABLE outbox;
      ALTER TABLE bundles RENAME TO outbox;
      CREATE INDEX outbox_by_topic ON outbox (topic, sequence);
      """.utf8),
    postgres: Array(
      """
      CREATE TABLE bundles (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        topic text NOT NULL,
        messages bigint NOT NULL,
        body bytea NOT NULL
      );
      INSERT INTO bundles (topic, messages, body)
      SELECT topic, 1, convert_to(
        octet_length(id) || ' ' || appended_at || ' ' || octet_length(body) || chr(10) || id, 'UTF8') || body
      FROM outbox ORDER BY sequence;
      DROP TABLE outbox;
      ALTER TABLE bundles RENAME TO outbox;
      CREATE INDEX outbox_by_topic ON outbox (topic, sequence);
      """.utf8))

  /// Keys from before a person's clients had keys of their own: which client has taken one over, see `IdempotencyStore`.
  private static let heirs = Migration(
    -2, "heirs of idempotency keys",
    sql: Array("ALTER TABLE idempotency ADD COLUMN heir TEXT;".utf8),
    postgres: Array("ALTER TABLE idempotency ADD COLUMN heir text;".utf8))

  /// Who works on which key just now, where several processes write into one store.
  private static let work = Migration(
    -3, "work on idempotency keys",
    sql: Array(
      """
      CREATE TABLE idempotency_work (
        scope TEXT NOT NULL, key TEXT NOT NULL, worker TEXT NOT NULL, until INTEGER NOT NULL,
        PRIMARY KEY (scope, key)
      );
      """.utf8),
    postgres: Array(
      """
      CREATE TABLE idempotency_work (
        scope text NOT NULL, key text NOT NULL, worker text NOT NULL, until bigint NOT NULL,
        PRIMARY KEY (scope, key)
      );
      """.utf8))
}
