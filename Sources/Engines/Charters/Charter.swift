package import Vocabulary

/// One service's declaration: who it is, what it exposes and to whom, what it calls, what it keeps,
/// its limits. Everything the fabric knows about a service comes from here. Only the loader makes
/// one, so a charter is well formed.
package struct Charter: Hashable, Sendable {
  /// The name, also the path of its SPIFFE ID.
  package let service: ServiceName
  /// One sentence for people.
  package let summary: String
  /// Internal mutual-TLS port, 1,024–65,535, before the platform's offset. Nil only for the
  /// operator, who listens nowhere.
  package let port: Int?
  /// What it is to all others, where that is more than a service.
  package let role: CharterRole?
  /// The program that carries out its operations, where that is not code of ours.
  package let program: CharterProgram?
  /// What it exposes, in the file's order.
  package internal(set) var operations: [CharterOperation]
  /// What it calls, in the file's order; then what grants add, and what follows from other charters (`DerivedEdges`).
  package internal(set) var calls: [CharterCall]
  /// Servers outside that it may have asked, through whoever has the role `outside`; everything else is closed.
  package let egress: [CharterDestination]
  /// What kinds of data it keeps.
  package let data: [CharterData]
  /// Names of the secrets it may obtain at run time.
  package let secrets: [String]
  /// Where its store may be.
  package let store: CharterStore
  /// What an operator may choose for it.
  package let settings: [CharterSetting]
  /// What the launcher holds it to.
  package let limits: CharterLimits

  let places: Places
  let byID: [String: Int]
  let routes: RouteTable<Int>

  /// The operation of this id.
  package func operation(_ id: String) -> CharterOperation? { byID[id].map { operations[$0] } }

  /// The operation that answers this method and path (without query), and the path's parameters.
  /// Literal segments win over parameters. A path with a percent sign, an empty, `.` or `..`
  /// segment matches nothing: every resource has one spelling.
  package func route(
    _ method: HTTPMethod, _ path: String
  ) -> (operation: CharterOperation, parameters: [String: String])? {
    routes.match(method, path).map { (operations[$0.target], $0.parameters) }
  }

  /// The methods that some operation accepts on this path, for `405` and `Allow`; empty when the
  /// path is unknown.
  package func methods(on path: String) -> [HTTPMethod] { routes.methods(on: path) }

  /// The file's name as it was loaded.
  package var file: String { places.file }

  package static func == (left: Charter, right: Charter) -> Bool {
    left.service == right.service && left.summary == right.summary && left.port == right.port
      && left.operations == right.operations && left.calls == right.calls
      && left.program == right.program && left.egress == right.egress && left.data == right.data
      && left.secrets == right.secrets && left.role == right.role && left.store == right.store
      && left.limits == right.limits && left.settings == right.settings
  }
  package func hash(into hasher: inout Hasher) {
    hasher.combine(service)
    hasher.combine(operations)
  }
}

/// One operation a service exposes.
package struct CharterOperation: Hashable, Sendable {
  /// How an outside caller shows who it is.
  package enum Authentication: String, Sendable, CaseIterable {
    /// A valid access token with all `scopes`.
    case token
    /// Nothing: identity's own pages and endpoints, which authenticate by themselves.
    case none
  }
  /// What a repeated request means.
  package enum Idempotency: String, Sendable, CaseIterable {
    /// The header `Idempotency-Key` is mandatory and names the intent.
    case key
    /// Repeating changes nothing by the operation's own meaning (the id is in the request).
    case natural
    /// Safe to repeat only where the method is (GET); other methods are never retried.
    case none
  }
  /// Which access decisions are recorded.
  package enum Audit: String, Sendable, CaseIterable {
    /// Every one; the default.
    case all
    /// Only refusals: for what one service polls of another many times a minute, and what carries the records themselves.
    case refusals
  }
  /// Who may keep an answer that the gateway passes on.
  package enum Caching: String, Sendable, CaseIterable {
    /// An answer to a request with a token is nobody's to keep: `Cache-Control: private, no-store`, whatever the service
    /// says; the default.
    case none
    /// What the service's own `Cache-Control` says.
    case declared
  }
  /// What becomes of a request while the disk has no more room than is kept to finish what was begun.
  package enum WhenFull: String, Sendable, CaseIterable {
    /// It is new work, and refused; the default of whatever is no GET.
    case refuse
    /// It reads, finishes what was begun, or is what somebody needs to make room; the default of GET.
    case serve
  }
  /// A token bucket per person, or client that acts for itself, kept by the gateway.
  package struct Rate: Hashable, Sendable {
    /// Refill, requests a second, 1–1,000,000.
    package let perSecond: Int
    /// Bucket size in requests, at least `perSecond`'s whole second is not required; 1–1,000,000.
    package let burst: Int
  }

  /// `operationId` in the OpenAPI document.
  package let id: String
  /// The HTTP method.
  package let method: HTTPMethod
  /// The path template, `{name}` for one segment, `{name...}` for the rest.
  package let path: PathTemplate
  /// For people; may be empty.
  package let summary: String
  /// Workloads that may call it; in a set of charters with those that are derived (`DerivedEdges`).
  package internal(set) var callers: Set<ServiceName>
  /// The gateway routes it from outside.
  package let isPublic: Bool
  /// For public operations.
  package let authentication: Authentication
  /// All are needed in the outside token, and in the transaction token.
  package let scopes: Set<Scope>
  /// The purpose the transaction token must carry; nil = no transaction token needed.
  package let purpose: String?
  /// Claim name in `tctx` → JSON pointer (RFC 6901) into the request's body.
  package let context: [String: String]
  /// Services to which the callee may present the same transaction token.
  package let forwards: Set<ServiceName>
  /// What repeating means.
  package let idempotency: Idempotency
  /// Which access decisions the audit log keeps.
  package let audit: Audit
  /// Whether it is answered while the disk is full.
  package let whenFull: WhenFull
  /// Names of the query items that it takes, and `*` where it takes any, because its protocol says that unknown ones are
  /// ignored. Nil: not said, see `refusedQuery`.
  package let query: Set<String>?
  /// Largest body accepted, bytes, 0–16 MiB.
  package let bodyBytesMax: Int
  /// Longest handling, 1 ms–120 s.
  package let timeout: Duration
  /// The gateway's limit per person, or client that acts for itself; nil = the gateway's default.
  package let rate: Rate?
  /// Media types of its answers besides problems (RFC 9457), in lower case; the gateway passes nothing else.
  package let answers: Set<String>
  /// Who may keep its answers.
  package let caching: Caching
  /// Where clients should turn away from it; the gateway tells them with each answer.
  package let deprecation: CharterDeprecation?

  /// The media type of an operation that names none.
  package static let answersDefault: Set<String> = ["application/json"]

  /// Whether a request must come with a transaction token.
  package var needsTransactionToken: Bool { purpose != nil }

  /// The word that takes any query item.
  package static let anyQuery = "*"

  /// The first name, in the order of the alphabet, that the operation does not take: what is ignored looks as if it had
  /// been followed. Where nothing is said, none is taken.
  package func refusedQuery(_ names: some Sequence<String>) -> String? {
    let taken = query ?? []
    guard !taken.contains(Self.anyQuery) else { return nil }
    return names.filter { !taken.contains($0) }.min()
  }

  /// May be sent again by a client that heard no answer.
  package var isRetryable: Bool { method == .get || idempotency != .none }
}

/// What one service of a platform is to all others. One service at the most has each: a role gives what nobody else gets.
package enum CharterRole: String, Sendable, CaseIterable {
  /// Issues every workload's identity, and so starts first. It reads the root key and the launch records, and publishes
  /// the socket at which it is asked.
  case authority
  /// The one way in from outside: it listens at the public port, reads that port's certificate and key, and issues
  /// transaction tokens.
  case door
  /// Where one gets a token: its public operations may be called without one.
  case issuer
  /// The one way out: nobody else looks up names of the outside, or connects to it. It goes where the charters of its callers
  /// say, and nowhere else.
  case outside
}

/// Where a service's store may be.
package struct CharterStore: Hashable, Sendable {
  /// Whether it may be on a database server.
  package enum Server: String, Sendable, CaseIterable {
    /// In a file of the service's own, or on a server where the platform has one for it.
    case allowed
    /// In a file of the service's own, always; the default.
    case never
  }
  /// How many processes may write into it at a time.
  package enum Writers: String, Sendable, CaseIterable {
    /// A second one waits as the first one's standby: what the service keeps in memory follows from what it alone has
    /// written. The default.
    case one
    /// Several: every decision is made in a transaction on what is stored, and none in memory.
    case many
  }
  package let server: Server
  package let writers: Writers

  package static let `default` = CharterStore(server: .never, writers: .one)
}

/// A program of somebody else's, in any language: it speaks plain HTTP over Unix sockets with a
/// sidecar, which is the service to everybody else.
package struct CharterProgram: Hashable, Sendable {
  /// What to execute, an absolute path, then its arguments. Relative ones are seen from the
  /// charter's own folder, where the program is started.
  package let command: [String]
  /// Folders it may read besides its own, the system's libraries and those beside its executable.
  package let readable: [String]

  /// Most words in a command, and folders to read.
  package static let wordsMax = 16
  /// Longest word, bytes.
  package static let wordBytesMax = 256
}

/// What one service calls at another.
package struct CharterCall: Hashable, Sendable {
  /// When the caller waits for the answer.
  package enum Delivery: String, Sendable, CaseIterable {
    /// While it handles a request or starts: such edges may not form a cycle, and order the start.
    case request
    /// From its outbox only, at some later time: a cycle of these cannot lock anybody.
    case outbox
  }
  /// The callee.
  package let service: ServiceName
  /// Operation ids there.
  package let operations: [String]
  /// When.
  package let delivery: Delivery
}

/// A kind of data a service keeps.
package struct CharterData: Hashable, Sendable {
  /// How much harm its disclosure does.
  package enum Sensitivity: String, Sendable, CaseIterable {
    case `public`, `internal`, confidential, personal
  }
  /// As listed in `Charters/data-classes.yaml`.
  package let name: String
  /// Must equal the list's.
  package let sensitivity: Sensitivity
}

/// What the launcher holds a process to.
package struct CharterLimits: Hashable, Sendable {
  /// Memory it is meant to use, MiB, 16–65,536; the launcher adds a reserve for stacks and holds it
  /// to the sum (RLIMIT_DATA).
  package let memoryMiB: Int
  /// File descriptors, 64–1,048,576.
  package let openFiles: Int
  /// Connections accepted at once, 1–65,536.
  package let connections: Int

  /// For the operator, whose charter has none.
  package static let `default` = CharterLimits(memoryMiB: 256, openFiles: 1_024, connections: 512)
}

/// The field names of each object in a charter, and which are mandatory.
/// `Schemas/charter.schema.json` says the same; a test compares the two.
package enum CharterFields {
  package static let charter = FieldList(
    all: [
      "apiVersion", "service", "summary", "role", "port", "program", "operations", "calls",
      "egress", "data", "store", "secrets", "settings", "limits",
    ], required: ["apiVersion", "service", "summary"])
  package static let program = FieldList(all: ["command", "read"], required: ["command"])
  package static let grants = FieldList(
    all: ["apiVersion", "grants_to", "called_by", "may_call"],
    required: ["apiVersion", "grants_to"])
  package static let grant = FieldList(
    all: ["service", "operations"], required: ["service", "operations"])
  package static let operation = FieldList(
    all: [
      "id", "method", "path", "summary", "callers", "public", "authentication", "scopes",
      "purpose", "context", "forwards", "idempotency", "audit", "when_full", "query",
      "body_bytes_max", "timeout_ms", "rate", "answers", "caching", "deprecated",
    ], required: ["id", "method", "path"])
  package static let rate = FieldList(
    all: ["per_second", "burst"], required: ["per_second", "burst"])
  package static let deprecation = FieldList(
    all: ["since", "sunset", "successor"], required: ["since"])
  package static let call = FieldList(
    all: ["service", "operations", "delivery"], required: ["service", "operations"])
  package static let destination = FieldList(
    all: ["host", "port", "protocol", "addresses", "reason"],
    required: ["host", "port", "protocol", "reason"])
  package static let data = FieldList(
    all: ["class", "sensitivity"], required: ["class", "sensitivity"])
  package static let store = FieldList(
    all: ["server", "writers"], required: ["server"])
  package static let setting = FieldList(
    all: ["name", "unit", "min", "max", "default", "summary"],
    required: ["name", "unit", "min", "max", "default", "summary"])
  package static let limits = FieldList(
    all: ["memory_mib", "open_files", "connections"],
    required: ["memory_mib", "open_files", "connections"])
  package static let dataClasses = FieldList(
    all: ["apiVersion", "classes"], required: ["apiVersion", "classes"])
  package static let dataClass = FieldList(
    all: ["class", "sensitivity", "summary"], required: ["class", "sensitivity", "summary"])
}

/// Known and mandatory field names of one object.
package struct FieldList: Hashable, Sendable {
  /// In the order in which a person would write them.
  package let all: [String]
  /// A subset of `all`.
  package let required: [String]
}
