// swift-tools-version: 6.2
import PackageDescription

// The layer law: one row per module, one per service. An arrow may only point down, and only to a row that stands above
// it in this file; anything else and the package refuses to load. `Tests/Architecture` holds the imports in the sources,
// and the edges in the charters, against these rows. A new service's row is a line at the end: 'strongroom charter new' adds
// it there.

enum Layer: Int {
  case Foreign, Vocabulary, Engines, Contracts, Fabric, Services, Drills, Executables
}

struct Module {
  let layer: Layer
  let name: String
  var uses: [String] = []
  var products: [Target.Dependency] = []
  /// Programs that an executable needs beside it: they are built with it, and nothing of them is linked into it.
  var beside: [String] = []
  /// A library of the system, found by pkg-config; a foreign module without one is C of ours.
  var library: (pkgConfig: String, debian: String)?
  /// SQL that is compiled into the module, so that a binary can never meet another version's schema. Each has a twin in
  /// PostgreSQL's words beside it.
  var migrations: [String] = []
  /// Other files that are compiled into the module, so that no binary can miss them.
  var documents: [String] = []
  var migrationFiles: [String] { migrations + migrations.map { "\($0.dropLast(4)).postgres.sql" } }
}

/// A service: its contract, which nobody names besides, and its code; one executable runs them all. `calls` names the services
/// whose contracts it may use in its own code; the same edges stand in its charter, and a test compares the two.
func service(
  _ name: String, calls: [String] = [], uses: [String] = [], products: [Target.Dependency] = [],
  migrations: [String] = []
) -> [Module] {
  [
    Module(
      layer: .Services, name: name,
      uses: ["Vocabulary", "\(name)API", "Chassis"] + uses + calls.map { "\($0)API" },
      products: products, migrations: migrations)
  ]
}

func contract(_ name: String) -> Module {
  Module(layer: .Contracts, name: "\(name)API", uses: ["Vocabulary"])
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "_CryptoExtras", package: "swift-crypto")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
/// Products of swift-nio, by their names without the prefix.
func nio(_ names: String...) -> [Target.Dependency] {
  names.map { .product(name: "NIO\($0)", package: "swift-nio") }
}

/// The metaschemas of JSON Schema.
let metaschemas = [
  "schema", "core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation",
  "format-assertion", "content",
].map { "Metaschema/\($0).json" }

let parts: [Module] =
  [
    Module(
      layer: .Foreign, name: "CArgon2", library: (pkgConfig: "libargon2", debian: "libargon2-dev")),
    Module(
      layer: .Foreign, name: "CPostgres", library: (pkgConfig: "libpq", debian: "libpq-dev")),
    Module(
      layer: .Foreign, name: "CZlib", library: (pkgConfig: "zlib", debian: "zlib1g-dev")),
    Module(layer: .Foreign, name: "CICU"),
    // Nobody uses these two: they are preloaded into a process, and must not be linked into one.
    Module(layer: .Foreign, name: "CHeapCount"),
    Module(layer: .Foreign, name: "CPowerCut"),
    Module(layer: .Foreign, name: "CPasswordWords"),
    Module(layer: .Foreign, name: "CSandbox"),
    Module(layer: .Vocabulary, name: "Vocabulary"),

    Module(layer: .Engines, name: "StrictJSON", uses: ["Vocabulary"]),
    Module(
      layer: .Engines, name: "Sealing", uses: ["Vocabulary", "CArgon2"], products: [crypto]),
    Module(
      layer: .Engines, name: "Tokens", uses: ["Vocabulary", "StrictJSON"],
      products: [crypto, cryptoExtras]),
    Module(layer: .Engines, name: "Patterns"),
    Module(
      layer: .Engines, name: "SchemaEngine", uses: ["StrictJSON", "Patterns", "CICU"],
      documents: metaschemas),
    Module(
      layer: .Engines, name: "OpenAPI", uses: ["Vocabulary", "StrictJSON", "SchemaEngine"]),
    Module(layer: .Engines, name: "Deflate", uses: ["CZlib"]),
    Module(
      layer: .Engines, name: "MerkleLog", uses: ["Vocabulary", "Deflate"], products: [crypto]),
    Module(layer: .Engines, name: "LedgerBook", uses: ["Vocabulary"]),
    Module(
      layer: .Engines, name: "LedgerJournal", uses: ["Vocabulary", "LedgerBook"], products: [crypto]
    ),
    Module(layer: .Engines, name: "LedgerText", uses: ["Vocabulary", "LedgerBook"]),
    Module(
      layer: .Engines, name: "Charters", uses: ["Vocabulary", "StrictJSON"], products: [yams]),
    Module(
      layer: .Engines, name: "PolicyEngine", uses: ["Vocabulary", "StrictJSON"],
      products: [crypto, cryptoExtras, yams]),
    Module(
      layer: .Engines, name: "PolicyBundles",
      uses: ["Vocabulary", "PolicyEngine", "Deflate"],
      products: [crypto, cryptoExtras]),
    Module(
      layer: .Engines, name: "WorkloadIdentity", uses: ["Vocabulary", "StrictJSON"],
      products: [crypto, x509, asn1]),

    Module(layer: .Contracts, name: "WorkloadAPI", products: [protobuf]),

    Module(layer: .Fabric, name: "Faults"),
    Module(layer: .Fabric, name: "DurableFiles"),
    Module(
      layer: .Fabric, name: "HTTPLine", uses: ["Vocabulary"],
      products: nio("Core", "Posix", "HTTP1", "TLS") + [nioSSL]),
    Module(
      layer: .Fabric, name: "Telemetry", uses: ["Vocabulary", "HTTPLine"], products: nio("Core")),
    Module(layer: .Fabric, name: "Commands", uses: ["StrictJSON"]),
    Module(layer: .Fabric, name: "PolicyDocuments", uses: ["PolicyEngine", "PolicyBundles"]),
    Module(
      layer: .Fabric, name: "Sandbox", uses: ["CSandbox", "StrictJSON"]),
    Module(
      layer: .Fabric, name: "Storage",
      uses: ["Vocabulary", "StrictJSON", "Sealing", "Deflate", "Faults", "Telemetry"],
      products: [grdb, crypto]),
    Module(
      layer: .Fabric, name: "StoragePostgres",
      uses: ["CPostgres", "Vocabulary", "DurableFiles", "Storage"]),
    Module(
      layer: .Fabric, name: "LedgerStorage",
      uses: ["Vocabulary", "LedgerBook", "LedgerJournal", "Storage"]),
    Module(
      layer: .Fabric, name: "Transport",
      uses: ["Vocabulary", "WorkloadIdentity", "HTTPLine"],
      products: nio("Core", "Posix", "HTTP1") + [nioSSL, crypto, x509, asn1]),
    Module(
      layer: .Fabric, name: "Workload",
      uses: ["Vocabulary", "WorkloadIdentity", "WorkloadAPI", "Telemetry"],
      products: nio("Core", "Posix") + [nioHTTP2, nioHPACK, protobuf, x509, crypto]),
    Module(
      layer: .Fabric, name: "PolicyClient",
      uses: ["Vocabulary", "StrictJSON", "PolicyEngine", "HTTPLine"],
      products: nio("Core") + [nioSSL]),
    Module(
      layer: .Fabric, name: "PolicyServer",
      uses: ["Vocabulary", "PolicyEngine", "PolicyBundles", "HTTPLine", "Telemetry"],
      products: nio("Core", "Posix", "HTTP1", "ConcurrencyHelpers") + [nioSSL, x509, asn1]),
    Module(
      layer: .Fabric, name: "Chassis",
      uses: [
        "Vocabulary", "StrictJSON", "Charters", "Tokens", "Sealing", "WorkloadIdentity",
        "PolicyEngine", "PolicyBundles", "AuditAPI", "AuthorityAPI", "Faults", "DurableFiles",
        "Telemetry", "Sandbox", "Storage", "StoragePostgres", "Transport", "Workload",
        "PolicyClient",
      ], products: nio("Core", "Posix") + [crypto, x509, asn1]),
    Module(
      layer: .Fabric, name: "Sidecar",
      uses: [
        "Vocabulary", "Charters", "AuditAPI", "Telemetry", "HTTPLine", "Transport", "Chassis",
      ],
      products: nio("Core", "HTTP1")),
    Module(
      layer: .Fabric, name: "Launcher",
      uses: [
        "Vocabulary", "StrictJSON", "Sealing", "Charters", "PolicyEngine", "PolicyBundles",
        "PolicyClient", "WorkloadIdentity", "AuditAPI", "AuthorityAPI", "DurableFiles", "Commands",
        "Telemetry", "Sandbox", "Storage", "StoragePostgres", "Transport", "Workload", "Chassis",
      ], products: nio("Core", "Posix") + [crypto]),
    Module(
      layer: .Fabric, name: "OperatorCommands",
      uses: [
        "Vocabulary", "StrictJSON", "Sealing", "Charters", "MerkleLog", "AuditAPI", "LedgerAPI",
        "PolicyClient", "Commands", "Telemetry", "Sandbox", "Storage", "StoragePostgres",
        "Transport", "Chassis", "Launcher",
      ], products: [arguments]),
  ]
  + service(
    "Authority", calls: ["Audit"],
    uses: [
      "StrictJSON", "Storage", "Charters", "Sealing", "Tokens", "WorkloadIdentity", "WorkloadAPI",
      "DurableFiles", "Telemetry", "Transport", "Workload",
    ],
    products: [protobuf, crypto, x509],
    migrations: [
      "0001-initial.sql", "0002-sealing-retirement.sql", "0003-revocations.sql", "0004-secrets.sql",
    ])
  + service(
    "Audit",
    uses: [
      "StrictJSON", "Storage", "MerkleLog", "Sealing", "DurableFiles", "Telemetry", "Transport",
    ],
    products: [crypto],
    migrations: ["0001-initial.sql", "0002-index.sql"])
  + service(
    "Ledger", calls: ["Audit"],
    uses: [
      "StrictJSON", "Storage", "Charters", "LedgerBook", "LedgerJournal", "LedgerStorage",
      "Telemetry", "Transport",
    ],
    products: [crypto])
  + service(
    "Customers", calls: ["Audit"], uses: ["StrictJSON", "Storage", "Sealing", "Transport"],
    migrations: ["0001-initial.sql"])
  + service(
    "Identity", calls: ["Audit", "Authority", "Customers"],
    uses: [
      "StrictJSON", "Storage", "Charters", "Tokens", "Sealing", "CArgon2", "CPasswordWords",
      "Telemetry", "Transport",
    ],
    products: [crypto],
    migrations: [
      "0001-initial.sql", "0002-revoked.sql", "0003-suspensions.sql", "0004-throttles.sql",
      "0005-stock-clients.sql", "0006-resets.sql",
    ])
  + service(
    "Payments", calls: ["Ledger", "Audit"],
    uses: ["StrictJSON", "Storage", "Sealing", "Tokens", "Telemetry", "Transport"],
    products: [crypto], migrations: ["0001-initial.sql", "0002-sealed.sql", "0003-short.sql"])
  + service(
    "Gateway", calls: ["Identity", "Audit", "Authority"],
    uses: [
      "StrictJSON", "SchemaEngine", "OpenAPI", "Storage", "Charters", "Tokens", "Faults",
      "Telemetry", "Transport",
    ],
    products: nio("Core", "Posix", "TLS") + [nioSSL, crypto])
  + [
    Module(
      layer: .Drills, name: "Demo",
      uses: [
        "Vocabulary", "StrictJSON", "Tokens", "MerkleLog", "DurableFiles", "Commands", "Transport",
        "Chassis", "Launcher", "AuditAPI", "CustomersAPI", "IdentityAPI", "LedgerAPI",
        "PaymentsAPI",
      ], products: nio("Core", "Posix") + [crypto]),
    Module(
      layer: .Drills, name: "Load",
      uses: [
        "Vocabulary", "StrictJSON", "Telemetry", "Transport", "LedgerAPI", "PaymentsAPI", "Demo",
      ], products: nio("Core")),
    Module(
      layer: .Drills, name: "LedgerBench",
      uses: [
        "Vocabulary", "Storage", "StoragePostgres", "LedgerBook", "LedgerStorage",
      ], products: [sqlite]),
    Module(
      layer: .Drills, name: "LedgerSoak",
      uses: ["Vocabulary", "LedgerBook", "LedgerJournal", "Storage", "LedgerStorage"]),
    Module(
      layer: .Drills, name: "Conformance",
      uses: [
        "Vocabulary", "StrictJSON", "SchemaEngine", "OpenAPI", "Tokens", "Sealing", "MerkleLog",
        "WorkloadIdentity", "PolicyEngine", "PolicyBundles", "Telemetry", "Gateway",
      ], products: nio("Core") + [crypto, x509, asn1]),
    Module(layer: .Drills, name: "PlatformSoak", uses: ["Vocabulary"]),
    Module(layer: .Drills, name: "PolicyBench", uses: ["PolicyEngine"]),
    Module(layer: .Drills, name: "PolicySoak", uses: ["PolicyEngine"]),
    Module(
      layer: .Drills, name: "Probes", uses: ["CSandbox", "StrictJSON", "Sandbox"]),
    Module(
      layer: .Drills, name: "Drill",
      uses: [
        "Vocabulary", "StrictJSON", "Tokens", "MerkleLog", "WorkloadIdentity", "Charters",
        "Transport",
        "Sandbox", "Chassis", "Launcher", "AuditAPI", "AuthorityAPI", "IdentityAPI", "LedgerAPI",
        "PaymentsAPI",
        "CustomersAPI", "Sealing", "Storage", "Authority", "Audit", "Identity", "Demo", "Probes",
        "PolicyEngine",
        "PolicyBundles",
      ], products: nio("Core", "Posix") + [nioSSL, crypto, x509, asn1]),
    Module(
      layer: .Drills, name: "FuzzTargets",
      uses: [
        "Vocabulary", "StrictJSON", "Tokens", "WorkloadIdentity", "PolicyEngine", "PolicyBundles",
        "Charters", "LedgerAPI", "Payments", "Gateway",
      ], products: nio("Core") + [x509, asn1]),
    Module(layer: .Executables, name: "strongroom-confine", uses: ["Sandbox"]),
    Module(layer: .Executables, name: "strongroom-fuzz", uses: ["FuzzTargets"]),
    Module(layer: .Executables, name: "strongroom-probe", uses: ["Probes"]),
    Module(
      layer: .Executables, name: "strongroom",
      uses: [
        "Vocabulary", "StrictJSON", "Sealing", "Charters", "MerkleLog", "Tokens",
        "PolicyEngine", "PolicyBundles", "PolicyDocuments", "PolicyClient", "DurableFiles",
        "Commands", "Sandbox", "Transport", "Chassis", "Launcher", "OperatorCommands", "Storage",
        "StoragePostgres", "LedgerBook", "LedgerJournal", "LedgerText", "LedgerStorage", "Demo",
        "AuditAPI", "AuthorityAPI", "CustomersAPI", "IdentityAPI", "LedgerAPI",
      ], products: nio("Posix") + [arguments, crypto]),
    // No home, no services: Rego and its server alone.
    Module(
      layer: .Executables, name: "strongroom-policy",
      uses: [
        "Vocabulary", "PolicyEngine", "PolicyBundles", "PolicyDocuments", "PolicyServer",
        "DurableFiles", "Commands", "Telemetry",
      ], products: nio("Core", "Posix") + [nioSSL, arguments]),
    Module(
      layer: .Executables, name: "strongroom-lab",
      uses: [
        "Vocabulary", "StrictJSON", "MerkleLog", "PolicyEngine", "PolicyBundles",
        "PolicyDocuments", "Commands", "Sandbox", "Transport", "Chassis", "Launcher",
        "OperatorCommands", "Storage", "Demo", "Load", "Drill", "LedgerBench", "LedgerSoak",
        "PlatformSoak",
        "PolicyBench", "PolicySoak", "Conformance", "AuditAPI", "LedgerAPI", "PaymentsAPI",
      ], products: nio("Core") + [arguments], beside: ["strongroom", "strongroom-probe"]),
  ]

/// Contracts stand below Fabric, where some of them are called.
let below = parts.filter { $0.layer.rawValue <= Layer.Contracts.rawValue }
let above = parts.filter { $0.layer.rawValue > Layer.Contracts.rawValue }
let contracts = parts.filter { $0.layer == .Services }.map { contract($0.name) }

let modules =
  below + contracts + above + [
    // One program for all services: what they share lies once on the disk and once in memory.
    Module(
      layer: .Executables, name: "strongroom-service",
      uses: ["Chassis", "Sidecar"] + parts.filter { $0.layer == .Services }.map(\.name)),
    // With all that `up` needs: it starts the services through the stage, and vouches for the command.
    Module(
      layer: .Executables, name: "strongroom-launcher",
      uses: ["Vocabulary", "Commands", "Chassis", "Launcher", "OperatorCommands"],
      products: [arguments], beside: ["strongroom", "strongroom-confine", "strongroom-service"]),
  ]

var declared: [String: Layer] = [:]
@MainActor func obey(_ module: Module) {
  for used in module.uses {
    guard let lower = declared[used] else {
      fatalError("layer law: \(module.name) uses \(used), which is not declared above it")
    }
    // Neighbours in one layer may use each other downwards, except where independence is the point.
    let neighbours = lower == module.layer && ![.Contracts, .Services].contains(module.layer)
    precondition(
      lower.rawValue < module.layer.rawValue || neighbours,
      "layer law: \(module.name) (\(module.layer)) may not use \(used) (\(lower))")
  }
  for program in module.beside {
    precondition(
      module.layer == .Executables && declared[program] == .Executables,
      "layer law: only a program has programs beside it, and \(program) is not declared above")
  }
  precondition(declared[module.name] == nil, "layer law: \(module.name) is declared twice")
  declared[module.name] = module.layer
}
for module in modules { obey(module) }

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"), .treatAllWarnings(as: .error),
]

/// Modules that reach into memory by hand, or call C that does. All others are compiled with strict memory safety (SE-0458),
/// where each such place is an error; this list may only shrink.
let reachesIntoMemory: Set = [
  "Audit", "AuditAPI", "Authority", "Chassis", "Commands", "Deflate", "Drill", "DurableFiles",
  "Faults",
  "Gateway", "Identity", "Launcher", "OperatorCommands", "LedgerAPI", "LedgerBench",
  "LedgerJournal", "LedgerSoak", "LedgerStorage", "MerkleLog",
  "PolicyBench", "PolicyEngine", "PolicyServer", "PolicySoak", "Probes", "Sandbox", "Sealing",
  "Storage", "StoragePostgres", "StrictJSON", "Telemetry", "Tokens", "Vocabulary", "Workload",
  "strongroom", "strongroom-fuzz", "strongroom-lab", "strongroom-launcher", "strongroom-policy",
]

/// What a module is compiled with.
func settings(_ module: Module) -> [SwiftSetting] {
  strict + (reachesIntoMemory.contains(module.name) ? [] : [.strictMemorySafety()])
}

/// The evaluator passes closures through functions that call each other. The optimiser makes a copy of each function for
/// each closure, and of those again: with this pass a release build of that module takes a quarter of an hour and 4 GB.
///
/// An evaluation is one object that only its own calls touch. Tests, which are no release, look at run time for two uses of one
/// of its variables at once; a decision would spend a tenth of its time on that.
let closuresStay: [SwiftSetting] = [
  .unsafeFlags(
    ["-Xllvm", "-sil-disable-pass=closure-specialize", "-enforce-exclusivity=unchecked"],
    .when(configuration: .release))
]

/// - Parameter folder: where its `Sources` are, with a slash at the end.
func target(_ module: Module, in folder: String = "") -> Target {
  let path = "\(folder)Sources/\(module.layer)/\(module.name)"
  let dependencies =
    (module.uses + module.beside).map { Target.Dependency.byName(name: $0) } + module.products
  switch module.layer {
  case .Foreign:
    guard let library = module.library else {
      return .target(
        name: module.name, path: path,
        exclude: module.name == "CPasswordWords" ? ["LICENCE.txt"] : [],
        // Not by pkg-config: Swift's Foundation has an ICU of its own, and no header of this one may be seen in Swift.
        linkerSettings: module.name == "CICU" ? [.linkedLibrary("icuuc")] : [])
    }
    return .systemLibrary(
      name: module.name, path: path, pkgConfig: library.pkgConfig,
      providers: [.apt([library.debian])])
  case .Executables:
    return .executableTarget(
      name: module.name, dependencies: dependencies, path: path, swiftSettings: settings(module))
  case .Services:
    return .target(
      name: module.name, dependencies: dependencies, path: path,
      exclude: ["README.md", "charter.yaml", "openapi.yaml"],
      resources: module.migrationFiles.map { .embedInCode("Migrations/\($0)") },
      swiftSettings: settings(module))
  case .Contracts:
    let documents = ["WorkloadAPI": "workload.proto", "LedgerAPI": "BINARY.md"][module.name]
    return .target(
      name: module.name, dependencies: dependencies, path: path,
      exclude: documents.map { [$0] } ?? [], swiftSettings: settings(module))
  default:
    return .target(
      name: module.name, dependencies: dependencies, path: path,
      exclude: [
        "PolicyBench": ["peers.py"], "PolicySoak": ["opa.py", "peer.py"],
        "SchemaEngine": ["Metaschema/SOURCE.txt"],
      ][module.name] ?? [],
      resources: module.documents.map { .embedInCode($0) },
      swiftSettings: settings(module) + (module.name == "PolicyEngine" ? closuresStay : []))
  }
}

/// Tests may look at every layer.
let everyNIO = nio("Core", "Posix", "HTTP1", "ConcurrencyHelpers", "TLS")

let testKit = Target.target(
  name: "TestKit",
  dependencies: modules.filter { [.Vocabulary, .Engines, .Contracts, .Fabric].contains($0.layer) }
    .map { .byName(name: $0.name) } + everyNIO + [nioSSL, crypto, x509, yams],
  path: "Tests/TestKit", swiftSettings: strict)

/// One test target per folder in Tests; tests may look at every layer, so they depend on all of them.
func tests(_ name: String, of row: [Module] = [], in folder: String = "") -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: (modules + row).filter { ![.Foreign, .Executables].contains($0.layer) }.map {
      .byName(name: $0.name)
    } + ["TestKit"] + everyNIO + [nioSSL, crypto, x509, asn1, yams, grdb, protobuf],
    path: "\(folder)Tests/\(name)",
    exclude: ["FuzzTargets": ["Corpus"], "PolicyEngine": ["Referee"]][name] ?? [],
    swiftSettings: strict)
}

/// Named one by one: SwiftPM caches what this file says, so it must not depend on what lies in a folder.
let testFolders = [
  "Architecture", "Audit", "Authority", "Charters", "Chassis", "Conformance", "Customers",
  "DurableFiles", "Flows",
  "FuzzTargets",
  "Gateway", "HTTPLine",
  "Identity", "Launcher", "Ledger", "LedgerBook", "LedgerJournal", "LedgerPostgres",
  "LedgerSoak", "LedgerStorage", "LedgerText", "MerkleLog", "OpenAPI", "Patterns",
  "Payments", "PlatformSoak", "PolicyCommand", "PolicyEngine", "PolicyServer", "Sandbox",
  "SchemaEngine",
  "Sealing",
  "Sidecar", "Storage", "StrictJSON", "Telemetry", "Tokens", "Transport", "Vocabulary", "Workload",
  "WorkloadIdentity",
]

let package = Package(
  name: "strongroom",
  products: modules.filter { $0.layer == .Executables }.map {
    .executable(name: $0.name, targets: [$0.name])
  } + [
    .library(name: "strongroom-heapcount", type: .dynamic, targets: ["CHeapCount"]),
    .library(name: "strongroom-powercut", type: .dynamic, targets: ["CPowerCut"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: modules.map { target($0) } + [testKit] + testFolders.map { tests($0) }
)

extension Package {
  /// Takes a service in by its row: contract, code, tests, and its place in the program that runs services.
  /// - Parameter folder: of an example, with a slash at the end: built with the tests, and run nowhere else.
  @MainActor func add(_ row: [Module], exampleIn folder: String? = nil) {
    for code in row {
      let both = [contract(code.name), code]
      for module in both {
        obey(module)
        targets.append(target(module, in: folder ?? ""))
      }
      targets.append(tests(code.name, of: both, in: folder ?? ""))
      guard folder == nil else { continue }
      targets.first { $0.name == "strongroom-service" }?.dependencies.append(
        .byName(name: code.name))
    }
  }
}

package.add(
  service("Notes", uses: ["Storage"], migrations: ["0001-initial.sql"]),
  exampleIn: "Examples/Notes/")
// Services that came later, a line each.
