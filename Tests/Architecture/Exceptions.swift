/// Every exception to a gate, with its reason. The list may only shrink: an entry that is no longer
/// needed fails.
enum Exceptions {
  private static let pacing =
    "a loop of the service's own, paced by a constant; nothing is decided by it"

  private static let moving = "moves a file aside, and writes none"
  private static let field = "'audit' is a field of an operation: which decisions are recorded"

  private static let destinations =
    "'egress' is a field of a charter, and a list of the organisation's"

  static let all: [String: [String: String]] = [
    "replacing": [
      "Sources/Drills/Drill/ImmutableDrill.swift": "an attack that replaces a file",
      "Sources/Executables/strongroom/LedgerMoveCommand.swift": moving,
      "Sources/Fabric/Chassis/StoreTransfer.swift": moving,
      "Sources/Fabric/Launcher/Immutable/Quarantine.swift": moving,
      "Sources/Fabric/Launcher/LogFile.swift": moving,
    ],
    "length": [
      "Sources/Contracts/WorkloadAPI/workload.pb.swift": "generated from workload.proto"
    ],
    "taken": [
      "Sources/Vocabulary/Vocabulary/Randomness.swift":
        "defines the system's generator, which Fabric passes on"
    ],
    "names": [
      "Sources/Engines/Charters/Charter.swift": field,
      "Sources/Engines/Charters/Charter+Document.swift": field,
      "Sources/Engines/Charters/CharterLoader.swift": field,
      "Sources/Engines/Charters/CharterRules.swift": destinations,
      "Sources/Engines/Charters/SetRules.swift": destinations,
      "Sources/Fabric/Launcher/Policy/AccessLists.swift": destinations,
      "Sources/Fabric/PolicyServer/AuthorizationInput.swift":
        "'identity' is a member of what OPA's authorization policies are asked",
      "Sources/Fabric/PolicyServer/PolicyAttendant.swift":
        "'identity' is HTTP's word for a body that is not packed (RFC 9110 §8.4.1)",
    ],
    "sleeping": [
      "Sources/Services/Authority/AuthorityService.swift": pacing,
      "Sources/Services/Authority/Pause.swift": pacing,
      "Sources/Services/Gateway/Edge/EdgeCertificateSource.swift": pacing,
      "Sources/Services/Gateway/Edge/EdgeListener.swift": pacing,
      "Sources/Services/Gateway/Tokens/IdentityFeed.swift": pacing,
    ],
  ]
}
