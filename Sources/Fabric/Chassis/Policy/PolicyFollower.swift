import AuditAPI
import Telemetry
import Vocabulary

/// Follows the source of the access policies: puts newer versions in force between two requests, keeps the last good one
/// when the newest is none, and has either on record.
struct PolicyFollower: Sendable {
  /// Pause between two looks.
  static let pause: Duration = .milliseconds(500)

  private let context: ServiceContext
  private let source: PolicySource
  private let version: Gauge
  private let age: Gauge

  init(_ context: ServiceContext) {
    self.context = context
    source = PolicySource(
      home: context.home, service: context.service,
      believesAll: context.platform.lacks(.policies),
      questions: AccessQuestions(context.charter, in: context.charters))
    version = context.metrics.gauge(
      "strongroom_policy_version", help: "Version of the access policies in force.")
    age = context.metrics.gauge(
      "strongroom_policy_refused",
      help: "1 while the newest bundle of access policies is not taken.")
  }

  func run() async throws {
    version.set(Int64(context.policy.version))
    try await context.rounds(of: "the access policies cannot be followed", every: Self.pause) {
      try await look()
    }
  }

  func look() async throws {
    let point = context.policy
    let (review, isShutOut) = source.review(point.known, key: point.key)
    if isShutOut { point.shut() }
    switch review {
    case .confirmed:
      point.confirm()
      age.set(0)
    case .adopt(let rules, let sha256):
      let earlier = point.version
      try source.remember(rules.version)
      point.adopt(rules, sha256: sha256)
      version.set(Int64(rules.version))
      age.set(0)
      context.log.info(
        "access policies are in force",
        ["version": .count(rules.version), "earlier": .count(earlier), "sha256": .id(sha256)])
      try await record("adopted", nil, ["version": "\(rules.version)", "sha256": sha256])
    case .refused(let reason, let why):
      age.set(1)
      guard point.refuse(reason) else { return }
      context.log.warning(
        "access policies are not taken; the earlier ones stay in force",
        ["reason": .id(reason.rawValue), "why": .text(why), "version": .count(point.version)])
      try await record(AuditRecord.refused, reason.rawValue, ["version": "\(point.version)"])
    }
  }

  private func record(
    _ outcome: String, _ reason: String?, _ detail: [String: String]
  ) async throws {
    let now = context.clock.now()
    try await context.recorder.write(
      AuditRecord(
        id: AuditRecordID(at: now, random: context.randomness.bits128()), at: now,
        service: context.service, kind: .platform, correlation: context.newCorrelation(),
        caller: context.service, operation: "followPolicy", outcome: outcome, reason: reason,
        detail: detail))
  }
}
