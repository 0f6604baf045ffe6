package import Vocabulary

extension Charter {
  /// What every charter begins with.
  package static let apiVersion = "strongroom/v1"
  /// Largest charter file, bytes.
  package static let fileBytesMax = 65_536
  package static let operationsMax = 128
  /// Every other service of a set may be a caller, or be called.
  package static let callersMax = CharterSet.chartersMax
  package static let callsMax = CharterSet.chartersMax
  package static let scopesMax = 16
  package static let contextMax = 16
  /// Media types of one operation's answers.
  package static let answersMax = 8
  /// Names of query items of one operation.
  package static let queryMax = 16
  /// Longest summary, characters.
  package static let summaryMax = 200
  /// Largest body an operation may accept, bytes.
  package static let bodyBytesMax = 16 << 20
  /// Body limit of an operation that names none, bytes.
  package static let bodyBytesDefault = 65_536
  /// Longest time an operation may ask for, milliseconds.
  package static let timeoutMillisMax = 120_000
  /// Time limit of an operation that names none, milliseconds.
  package static let timeoutMillisDefault = 5_000
  /// The one workload without a port: the command line.
  package static let operatorName: ServiceName = "operator"
  /// What every service exposes to the operator without saying so.
  package static let impliedOperations = ["health", "ready", "metrics"]

  /// Reads one charter by itself: its fields, types, ranges and what they mean to each other. What
  /// concerns other charters is `CharterSet`'s. Throws all faults found, sorted by place.
  package static func parse(file: String, text: String) throws(CharterFaults) -> Charter {
    let reader = CharterReader(file: file)
    let charter = read(text, reader)
    guard let charter, reader.faults.isEmpty else { throw CharterFaults(reader.faults) }
    return charter
  }

  private static func read(_ text: String, _ reader: CharterReader) -> Charter? {
    guard text.utf8.count <= fileBytesMax else {
      reader.fault(.tooLarge, "", "the file has \(text.utf8.count) bytes; \(fileBytesMax) at most")
      return nil
    }
    guard let root = reader.root(text, CharterFields.charter) else { return nil }
    _ = root.value("apiVersion", expected: "'\(apiVersion)'") { $0 == apiVersion ? $0 : nil }
    let service = root.value(
      "service", expected: "a service name ([a-z][a-z0-9-]*, 31 characters at most)",
      ServiceName.init)
    let summary = root.value("summary", expected: "one line of 1 to \(summaryMax) characters") {
      (1...summaryMax).contains($0.count) && !$0.contains(where: \.isNewline) ? $0 : nil
    }
    let role = root.word("role", CharterRole.self)
    let port = root.number("port", in: 1_024...65_535)
    let program = root.object("program", CharterFields.program).flatMap(program)
    let operations = root.objects("operations", CharterFields.operation, max: operationsMax)
      .compactMap { operation($0, of: service) }
    let calls = root.objects("calls", CharterFields.call, max: callsMax).compactMap(call)
    let egress = root.objects(
      "egress", CharterFields.destination, max: CharterDestination.destinationsMax
    ).compactMap(CharterDestination.read)
    CharterDestination.checkNames(egress, reader)
    let data = root.objects("data", CharterFields.data, max: 64).compactMap(data)
    let secrets = root.list("secrets", max: 32, expected: "a secret's name ([a-z][a-z0-9-]*)") {
      ServiceName($0)?.description
    }
    let store = root.object("store", CharterFields.store).flatMap(store)
    let settings = root.objects(
      "settings", CharterFields.setting, max: CharterSetting.settingsMax
    ).compactMap(CharterSetting.read)
    CharterSetting.checkNames(settings, reader)
    let limits = root.object("limits", CharterFields.limits).flatMap(limits)
    guard let service, let summary else { return nil }
    checkListener(service, root)
    checkCalls(calls, of: service, reader)
    checkProgram(root, egress: egress)
    checkSecrets(root, secrets, calls: calls, operations: operations)
    let (byID, routes) = index(operations, reader)
    for (at, operation) in operations.enumerated() {
      check(operation, at: "operations[\(at)]", of: service, role, calls: calls, reader)
    }
    return Charter(
      service: service, summary: summary, port: port, role: role, program: program,
      operations: operations, calls: calls, egress: egress, data: data, secrets: secrets,
      store: store ?? .default, settings: settings, limits: limits ?? .default,
      places: reader.places, byID: byID,
      routes: routes)
  }

  private static func operation(
    _ object: CharterObject, of service: ServiceName?
  ) -> CharterOperation? {
    let id = object.value("id", expected: "an operation id ([a-z][A-Za-z0-9]*)", operationID)
    let method = object.word("method", HTTPMethodWord.self)
    var path: PathTemplate?
    if let text = object.text("path") {
      do {
        path = try PathTemplate(text)
      } catch {
        object.reader.fault(.badValue, object.at("path"), "'\(text)': \(error.reason)")
      }
    }
    let callers = object.list(
      "callers", max: callersMax, expected: "a service name", ServiceName.init)
    let scopes = object.list("scopes", max: scopesMax, expected: "a scope", Scope.init)
    let forwards = object.list("forwards", max: 16, expected: "a service name", ServiceName.init)
    let rate = object.object("rate", CharterFields.rate).flatMap { rate -> CharterOperation.Rate? in
      guard let perSecond = rate.number("per_second", in: 1...1_000_000),
        let burst = rate.number("burst", in: 1...1_000_000)
      else { return nil }
      return CharterOperation.Rate(perSecond: perSecond, burst: burst)
    }
    let answers = object.list(
      "answers", max: answersMax, expected: "a media type in lower case, for example text/html",
      mediaType)
    let query = object.list(
      "query", max: queryMax, expected: "a query item's name ([a-z][a-z0-9_]*), or '*' for any",
      queryName)
    let timeout = object.number("timeout_ms", in: 1...timeoutMillisMax) ?? timeoutMillisDefault
    guard let id, let method, let path else { return nil }
    return CharterOperation(
      id: id, method: method.method, path: path, summary: object.text("summary") ?? "",
      callers: Set(callers), isPublic: object.flag("public") ?? false,
      authentication: object.word("authentication", CharterOperation.Authentication.self) ?? .token,
      scopes: Set(scopes), purpose: object.value("purpose", expected: "a purpose", purpose),
      context: context(object), forwards: Set(forwards),
      idempotency: object.word("idempotency", CharterOperation.Idempotency.self) ?? .none,
      audit: object.word("audit", CharterOperation.Audit.self) ?? .all,
      whenFull: object.word("when_full", CharterOperation.WhenFull.self)
        ?? (method.method == .get ? .serve : .refuse),
      query: object.values["query"] == nil ? nil : Set(query),
      bodyBytesMax: object.number("body_bytes_max", in: 0...bodyBytesMax) ?? bodyBytesDefault,
      timeout: .milliseconds(timeout), rate: rate,
      answers: answers.isEmpty ? CharterOperation.answersDefault : Set(answers),
      caching: object.word("caching", CharterOperation.Caching.self) ?? .none,
      deprecation: object.object("deprecated", CharterFields.deprecation).flatMap {
        CharterDeprecation.read($0, path: path)
      })
  }

  private static func queryName(_ text: String) -> String? {
    guard text != CharterOperation.anyQuery else { return text }
    let isName = text.utf8.allSatisfy {
      (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f
    }
    let beginsWithLetter = text.utf8.first.map { (0x61...0x7a).contains($0) } ?? false
    return isName && beginsWithLetter && text.utf8.count <= 63 ? text : nil
  }

  private static func program(_ object: CharterObject) -> CharterProgram? {
    let command = object.list(
      "command", max: CharterProgram.wordsMax, expected: "a word of 1 to 256 bytes", repeats: true
    ) { word in
      (1...CharterProgram.wordBytesMax).contains(word.utf8.count)
        && !word.utf8.contains { $0 < 0x20 } ? word : nil
    }
    guard let executable = command.first else {
      if object.values["command"] != nil {
        object.reader.fault(
          .badValue, object.at("command"), "the command is empty",
          hint: "command: [/usr/bin/python3, service.py]")
      }
      return nil
    }
    if !isPlainPath(executable) {
      object.reader.fault(
        .badValue, object.at("command[0]"), "'\(executable)' is not an absolute path",
        hint: "name the executable in full, for example /usr/bin/python3")
    }
    let readable = object.list(
      "read", max: CharterProgram.wordsMax, expected: "a folder as an absolute path below '/'"
    ) { isPlainPath($0) ? $0 : nil }
    return CharterProgram(command: command, readable: readable)
  }

  /// Absolute, below the root, with one spelling: no empty, `.` or `..` part.
  private static func isPlainPath(_ text: String) -> Bool {
    guard text.hasPrefix("/"), text.utf8.count <= CharterProgram.wordBytesMax else { return false }
    return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0 != "." && $0 != ".."
    }
  }

  private static func context(_ object: CharterObject) -> [String: String] {
    var context: [String: String] = [:]
    for pair in object.pairs("context", max: contextMax) {
      // RFC 6901 §3: every token is preceded by a slash; '~' only as '~0' or '~1'.
      let escapes = pair.text.split(separator: "~", omittingEmptySubsequences: false).dropFirst()
      if pair.text.hasPrefix("/"), escapes.allSatisfy({ $0.first == "0" || $0.first == "1" }) {
        context[pair.name] = pair.text
      } else {
        object.reader.fault(
          .badValue, pair.path, "'\(pair.text)' is not a JSON pointer into the body",
          hint: "write it as '/amount/currency'")
      }
    }
    return context
  }

  private static func call(_ object: CharterObject) -> CharterCall? {
    let operations = object.list(
      "operations", max: operationsMax, expected: "an operation id", operationID)
    if operations.isEmpty, object.values["operations"] != nil {
      object.reader.fault(.badValue, object.at("operations"), "a call names one operation or more")
    }
    guard let service = object.value("service", expected: "a service name", ServiceName.init)
    else { return nil }
    return CharterCall(
      service: service, operations: operations,
      delivery: object.word("delivery", CharterCall.Delivery.self) ?? .request)
  }
}

// MARK: Parts of a charter

extension Charter {
  private static func data(_ object: CharterObject) -> CharterData? {
    guard
      let name = object.value(
        "class", expected: "a data class's name", { ServiceName($0)?.description }),
      let sensitivity = object.word("sensitivity", CharterData.Sensitivity.self)
    else { return nil }
    return CharterData(name: name, sensitivity: sensitivity)
  }

  private static func store(_ object: CharterObject) -> CharterStore? {
    let writers = object.word("writers", CharterStore.Writers.self) ?? .one
    guard let server = object.word("server", CharterStore.Server.self) else { return nil }
    if writers == .many, server == .never {
      object.reader.fault(
        .contradiction, object.at("writers"), "a store that is always a file has one writer",
        hint: "server: allowed, or leave 'writers' out")
    }
    return CharterStore(server: server, writers: writers)
  }

  private static func limits(_ object: CharterObject) -> CharterLimits? {
    guard let memory = object.number("memory_mib", in: 16...65_536),
      let files = object.number("open_files", in: 64...1_048_576),
      let connections = object.number("connections", in: 1...65_536)
    else { return nil }
    return CharterLimits(memoryMiB: memory, openFiles: files, connections: connections)
  }

  static func operationID(_ text: String) -> String? {
    guard (1...64).contains(text.utf8.count), let first = text.utf8.first,
      (97...122).contains(first), text.utf8.allSatisfy(isLetterOrDigit)
    else { return nil }
    return text
  }

  /// `text/html`: type and subtype (RFC 6838 §4.2), lower case, without parameters.
  private static func mediaType(_ text: String) -> String? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let isName: (Substring) -> Bool = { part in
      (1...63).contains(part.utf8.count)
        && part.utf8.allSatisfy {
          (97...122).contains($0) || (48...57).contains($0) || [43, 45, 46].contains($0)
        }
    }
    return parts.count == 2 && parts.allSatisfy(isName) ? text : nil
  }

  private static func purpose(_ text: String) -> String? {
    guard (1...64).contains(text.utf8.count),
      text.utf8.allSatisfy({ isLetterOrDigit($0) || $0 == 0x2e || $0 == 0x2d || $0 == 0x5f })
    else { return nil }
    return text
  }
}

/// The methods as a charter writes them.
private enum HTTPMethodWord: String, CaseIterable {
  case GET, POST, PUT, PATCH, DELETE
  var method: HTTPMethod {
    switch self {
    case .GET: .get
    case .POST: .post
    case .PUT: .put
    case .PATCH: .patch
    case .DELETE: .delete
    }
  }
}
