import CPostgres
import Glibc
package import Storage

/// One session with PostgreSQL through libpq. Blocks, but never for ever: a server that does not answer in time is a
/// lost one, for whoever is paused cannot be told from whoever is gone.
///
/// A class: it owns the session, which ends with it. Sendable by hand: one thread uses it at a time, which its owner
/// sees to.
package final class PostgresConnection: @unchecked Sendable {
  /// Longest wait for the server to take or to say something.
  package static let silenceMax: Duration = .seconds(20)
  /// Statements that are kept prepared; more are prepared each time they come.
  static let statementsMax = 256

  struct Statement {
    let name: String
    /// PostgreSQL's numbers for the types of the parameters.
    let types: [Oid]
  }

  let session: OpaquePointer
  private var statements: [String: Statement] = [:]
  /// True once an answer was missed: what comes later could be mistaken for the answer to something else.
  private(set) var isLost = false

  /// - Parameters:
  ///   - parameters: libpq's keywords and their values.
  /// - Throws: `.lost` where nobody answers there, `.notAdmitted` where we are not let in.
  package init(_ parameters: [String: String]) throws(PostgresFailure) {
    let keywords = parameters.keys.sorted()
    let opened = withCStrings(keywords) { names in
      withCStrings(keywords.map { parameters[$0] ?? "" }) { PQconnectdbParams(names, $0, 0) }
    }
    guard let opened else { throw .lost("out of memory") }
    guard PQstatus(opened) == CONNECTION_OK, PQsetnonblocking(opened, 1) == 0 else {
      let reason = Self.line(PQerrorMessage(opened))
      let isKnown = PQconnectionNeedsPassword(opened) == 1 || reason.contains("FATAL:")
      PQfinish(opened)
      // Both pass by themselves.
      let isPassing = ["starting up", "shutting down", "recovery", "too many", "read-only"]
        .contains { reason.contains($0) }
      throw isKnown && !isPassing ? .notAdmitted(reason) : .lost(reason)
    }
    // Notices would otherwise be printed.
    PQsetNoticeProcessor(opened, { _, _ in }, nil)
    session = opened
  }

  deinit { PQfinish(session) }

  /// Statements without parameters, in one message.
  /// - Returns: the last one's command tag, such as `COMMIT`, and how many rows it has.
  @discardableResult
  package func control(_ sql: String) throws(PostgresFailure) -> (tag: String, rows: Int) {
    guard PQsendQuery(session, sql) == 1 else { throw lose() }
    var last = (tag: "", rows: 0)
    var failure: PostgresFailure?
    while let result = try next() {
      defer { PQclear(result) }
      failure = failure ?? self.failure(of: result)
      last = (String(cString: PQcmdStatus(result)), Int(PQntuples(result)))
    }
    if let failure { throw failure }
    return last
  }

  /// One statement with `?` for each argument.
  package func run(
    _ sql: String, _ arguments: [SQLValue] = []
  ) throws(PostgresFailure) -> PostgresAnswer {
    var nothing: [String] = []
    return try run(sql, arguments, after: &nothing)
  }

  /// - Parameter before: statements without parameters and answers that go out in the same message, and fail with it.
  ///   Empty once they are on their way: arguments that do not fit are found before.
  func run(
    _ sql: String, _ arguments: [SQLValue], after before: inout [String]
  ) throws(PostgresFailure) -> PostgresAnswer {
    if statements[sql] == nil, !before.isEmpty {
      let first = before.joined(separator: "; ")
      before = []
      try control(first)
    }
    let statement = try prepared(sql)
    let message = try PostgresMessage(arguments, as: statement.types)
    guard before.isEmpty else {
      let first = before
      before = []
      return try pipelined(first, statement, message)
    }
    guard send(statement, message) else { throw lose() }
    var answer: PostgresAnswer?
    var failure: PostgresFailure?
    while let result = try next() {
      defer { PQclear(result) }
      failure = failure ?? self.failure(of: result)
      if failure == nil { answer = PostgresAnswer(result) }
    }
    if let failure { throw failure }
    guard let answer else { throw lose() }
    return answer
  }

  /// Whether a statement has failed since the last savepoint, so that nothing else is taken.
  var hasFailed: Bool { PQtransactionStatus(session) == PQTRANS_INERROR }

  // MARK: sending

  private func prepared(_ sql: String) throws(PostgresFailure) -> Statement {
    if let known = statements[sql] { return known }
    let name = statements.count < Self.statementsMax ? "s\(statements.count)" : ""
    guard PQsendPrepare(session, name, PostgresSQL.numbered(sql), 0, nil) == 1 else { throw lose() }
    try discardAnswer()
    guard PQsendDescribePrepared(session, name) == 1 else { throw lose() }
    var types: [Oid] = []
    var failure: PostgresFailure?
    while let result = try next() {
      defer { PQclear(result) }
      failure = failure ?? self.failure(of: result)
      types = (0..<PQnparams(result)).map { PQparamtype(result, $0) }
    }
    if let failure { throw failure }
    let statement = Statement(name: name, types: types)
    if !name.isEmpty { statements[sql] = statement }
    return statement
  }

  private func discardAnswer() throws(PostgresFailure) {
    var failure: PostgresFailure?
    while let result = try next() {
      failure = failure ?? self.failure(of: result)
      PQclear(result)
    }
    if let failure { throw failure }
  }

  private func send(_ statement: Statement, _ message: PostgresMessage) -> Bool {
    message.withPointers { pointers, lengths, formats in
      PQsendQueryPrepared(
        session, statement.name, Int32(lengths.count), pointers, lengths, formats, 1)
    } == 1
  }

  /// The statements before, the statement and a mark in one message; then the answers in the same order.
  private func pipelined(
    _ before: [String], _ statement: Statement, _ message: PostgresMessage
  ) throws(PostgresFailure) -> PostgresAnswer {
    guard PQenterPipelineMode(session) == 1 else { throw lose() }
    for sql in before {
      guard PQsendQueryParams(session, sql, 0, nil, nil, nil, nil, 0) == 1 else { throw lose() }
    }
    guard send(statement, message), PQpipelineSync(session) == 1 else { throw lose() }
    var answer: PostgresAnswer?
    var failure: PostgresFailure?
    for _ in 0...before.count {
      // Each statement's results end with none.
      while let result = try next() {
        defer { PQclear(result) }
        failure = failure ?? self.failure(of: result)
        if failure == nil { answer = PostgresAnswer(result) }
      }
    }
    guard let mark = try next(), PQresultStatus(mark) == PGRES_PIPELINE_SYNC else { throw lose() }
    PQclear(mark)
    guard PQexitPipelineMode(session) == 1 else { throw lose() }
    if let failure { throw failure }
    guard let answer else { throw lose() }
    return answer
  }

  // MARK: waiting

  /// The next result; nil at the end of a statement's.
  private func next() throws(PostgresFailure) -> OpaquePointer? {
    guard !isLost else { throw .lost("an answer was missed") }
    var mustFlush = PQflush(session)
    while mustFlush == 1 || PQisBusy(session) == 1 {
      // Anew for each piece: a large row over a slow line is not silence.
      let until = ContinuousClock.now + Self.silenceMax
      try wait(for: mustFlush == 1 ? POLLIN | POLLOUT : POLLIN, until: until)
      guard PQconsumeInput(session) == 1 else { throw lose() }
      if mustFlush == 1 { mustFlush = PQflush(session) }
    }
    guard mustFlush == 0 else { throw lose() }
    return PQgetResult(session)
  }

  private func wait(
    for events: Int32, until: ContinuousClock.Instant
  ) throws(PostgresFailure) {
    while true {
      let left = (until - ContinuousClock.now) / .milliseconds(1)
      guard left > 0 else { throw lose("no answer for \(Self.silenceMax / .seconds(1)) seconds") }
      var handle = pollfd(fd: PQsocket(session), events: Int16(events), revents: 0)
      let ready = poll(&handle, 1, Int32(left.rounded(.up)))
      if ready > 0 { return }
      guard ready == 0 || errno == EINTR else { throw lose() }
    }
  }

  private func lose(_ reason: String? = nil) -> PostgresFailure {
    isLost = true
    return .lost(reason ?? Self.line(PQerrorMessage(session)))
  }

  private func failure(of result: OpaquePointer) -> PostgresFailure? {
    let status = PQresultStatus(result)
    let fine = [PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_PIPELINE_SYNC]
    if fine.contains(status) { return nil }
    let reason = Self.line(PQresultErrorField(result, Int32(UInt8(ascii: "M"))))
    guard PQstatus(session) == CONNECTION_OK,
      let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map({ String(cString: $0) }),
      !PostgresFailure.endsSession(state)
    else { return lose(reason.isEmpty ? nil : reason) }
    return .refused(state: state, reason: reason)
  }

  /// A message of the server on one line.
  private static func line(_ text: UnsafePointer<CChar>?) -> String {
    guard let text else { return "" }
    return String(cString: text).split(whereSeparator: \.isNewline)
      .map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: "; ")
  }
}

/// The words as a null-terminated array of C strings, for the time of the call.
private func withCStrings<Result>(
  _ words: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  let copies = words.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  let pointers = copies.map { $0.map { UnsafePointer($0) } } + [nil]
  // It has an address: it is never empty, for it ends with nil.
  return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
