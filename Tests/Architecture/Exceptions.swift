/// Every exception to a gate, with its reason. The list may only shrink: an entry that is no longer
/// needed fails.
enum Exceptions {
  private static let pacing =
    "a loop of the service's own, paced by a constant; nothing is decided by it"

  static let all: [String: [String: String]] = [
    "length": [
      "Sources/Contracts/WorkloadAPI/workload.pb.swift": "generated from workload.proto"
    ],
    "taken": [
      "Sources/Vocabulary/Vocabulary/Randomness.swift":
        "defines the system's generator, which Fabric passes on"
    ],
    "sleeping": [
      "Sources/Services/Authority/AuthorityService.swift": pacing,
      "Sources/Services/Authority/Pause.swift": pacing,
      "Sources/Services/Customers/CustomersService.swift": pacing,
      "Sources/Services/Gateway/Edge/EdgeCertificateSource.swift": pacing,
      "Sources/Services/Gateway/Edge/EdgeListener.swift": pacing,
      "Sources/Services/Gateway/Tokens/IdentityFeed.swift": pacing,
      "Sources/Services/Identity/IdentityService.swift": pacing,
    ],
  ]
}
