import AuditAPI
import AuthorityAPI
import Chassis
import Charters
import Tokens
import Vocabulary

/// Who gets which key: what a service's charter names, and nothing else. Secrets of the outside are set, told of, removed
/// and handed over here; each of that is on record.
struct SecretDesk: Sendable {
  private let context: ServiceContext
  private let store: AuthorityStore

  init(_ context: ServiceContext, store: AuthorityStore) {
    self.context = context
    self.store = store
  }

  var operations: [String: Handler] {
    [
      AuthorityOperations.setSecret.id: set, AuthorityOperations.listSecrets.id: list,
      AuthorityOperations.removeSecret.id: remove,
      AuthorityOperations.handOverSecrets.id: handOver,
    ]
  }

  /// Before a key of the platform is handed out.
  /// - Throws: `SecretRefusal.notNamed`, once that is on record.
  func require(_ secret: PlatformSecret, _ call: Call) async throws {
    guard context.charters[call.caller]?.names(secret) != true else { return }
    try await refuse([secret.rawValue], call)
  }

  @Sendable private func set(_ call: Call) async throws -> Answer {
    let new = try call.decode(NewSecret.self)
    let place = SecretPlace(service: new.service, name: new.name)
    guard PlatformSecret(rawValue: new.name.description) == nil else {
      throw SecretRefusal.ofThePlatform(new.name)
    }
    guard outsideSecrets(of: new.service).contains(new.name) else {
      throw SecretRefusal.namedByNobody(place)
    }
    guard var value = Base64URL.decode(new.value), SecretLimits.valueBytes.contains(value.count)
    else {
      let (least, most) = (SecretLimits.valueBytes.lowerBound, SecretLimits.valueBytes.upperBound)
      throw Problem.malformed("expected \(least) to \(most) bytes in base64url", field: "/value")
    }
    defer { value.wipe() }
    let version = try await store.setSecret(
      value, at: place, context.clock.now(), record: recorder("set", place, call))
    return try .json(
      201, SecretStanding(service: new.service, name: new.name, version: version))
  }

  @Sendable private func remove(_ call: Call) async throws -> Answer {
    let place = try call.decode(SecretPlace.self)
    let version = try await store.removeSecret(
      at: place, context.clock.now(), record: recorder("removed", place, call))
    return try .json(
      200, SecretStanding(service: place.service, name: place.name, version: version))
  }

  @Sendable private func list(_ call: Call) async throws -> Answer {
    guard let service = call.query["service"].flatMap({ ServiceName($0) }),
      context.charters[service] != nil
    else { throw Problem.notFound }
    let named = Set(outsideSecrets(of: service))
    let kept = try await store.secrets(of: service).filter { $0.sealed != nil }
    let entries = kept.map {
      SecretList.Entry(
        name: $0.name, version: $0.version, setAt: $0.changedAt, isNamed: named.contains($0.name))
    }
    let unset = named.subtracting(kept.map(\.name)).map {
      SecretList.Entry(name: $0, version: nil, setAt: nil, isNamed: true)
    }
    return try .json(200, SecretList(secrets: (entries + unset).sorted { $0.name < $1.name }))
  }

  @Sendable private func handOver(_ call: Call) async throws -> Answer {
    let wanted = try call.decode(SecretsWanted.self).known
    guard wanted.count <= SecretLimits.wantedMax else {
      throw Problem.malformed("more than \(SecretLimits.wantedMax) secrets", field: "/known")
    }
    let names = Set(wanted.keys)
    let named = Set(outsideSecrets(of: call.caller).map(\.description))
    if !context.platform.lacks(.secretNames), !names.isSubset(of: named) {
      try await refuse(names.subtracting(named).sorted(), call)
    }
    var given: [SecretsGiven.Entry] = []
    for owner in owners(for: call.caller) {
      for secret in try await store.secrets(of: owner)
      where secret.sealed != nil && names.contains(secret.name.description) {
        let isNew = wanted[secret.name.description] != secret.version
        given.append(
          SecretsGiven.Entry(
            name: secret.name, version: secret.version,
            value: isNew ? try text(of: secret, owner) : nil))
        guard isNew else { continue }
        let place = SecretPlace(service: owner, name: secret.name)
        try await context.recorder.write(recorder("handed-over", place, call)(secret.version))
      }
    }
    return try .json(200, SecretsGiven(secrets: given))
  }

  /// Whose secrets a caller may have: its own. In a test build everybody's, see `Weakness`.
  private func owners(for caller: ServiceName) -> [ServiceName] {
    context.platform.lacks(.secretNames) ? context.charters.charters.map(\.service) : [caller]
  }

  private func text(
    of secret: AuthorityStore.KeptSecret, _ owner: ServiceName
  ) throws -> String? {
    guard let value = try store.value(of: secret, owner) else { return nil }
    return value.withBytes { Base64URL.encode($0) }
  }

  private func outsideSecrets(of service: ServiceName) -> [SecretName] {
    context.charters[service]?.outsideSecrets.compactMap { SecretName($0) } ?? []
  }

  /// - Parameter names: as they were asked for; only those that could be a secret's are put on record.
  private func refuse(_ names: [String], _ call: Call) async throws -> Never {
    let told = names.compactMap { SecretName($0)?.description }.joined(separator: " ")
    try await context.recorder.write(
      record(
        AuditRecord.refused, call, reason: SecretRefusal.notNamed.problem.slug,
        detail: ["operation": call.operation.id, "names": told]))
    throw SecretRefusal.notNamed
  }

  private func recorder(
    _ outcome: String, _ place: SecretPlace, _ call: Call
  ) -> @Sendable (Int) -> AuditRecord {
    { version in
      record(
        outcome, call,
        detail: [
          "service": "\(place.service)", "name": "\(place.name)", "version": "\(version)",
        ])
    }
  }

  private func record(
    _ outcome: String, _ call: Call, reason: String? = nil, detail: [String: String]
  ) -> AuditRecord {
    let now = context.clock.now()
    return AuditRecord(
      id: AuditRecordID(at: now, random: context.randomness.bits128()), at: now,
      service: AuthorityService.name, kind: .platform, correlation: call.correlation,
      caller: call.caller, operation: "secret", outcome: outcome, reason: reason, detail: detail)
  }
}

/// Why a secret is not set, or not handed over.
enum SecretRefusal: Refusal, Hashable {
  /// The caller's charter does not name what it asks for.
  case notNamed
  /// It would be given to nobody.
  case namedByNobody(SecretPlace)
  /// The platform makes it itself.
  case ofThePlatform(SecretName)

  var problem: Problem {
    switch self {
    case .notNamed:
      Problem(
        "secret-not-named", 403, "The charter does not name this secret",
        detail: "name it under 'secrets' in the service's charter.yaml, then 'down' and 'up'")
    case .namedByNobody(let place):
      Problem(
        "secret-not-named", 409, "The charter of \(place.service) does not name this secret",
        detail:
          "name \(place.name) under 'secrets' in its charter.yaml, with the call handOverSecrets of the authority; "
          + "then 'down' and 'up'")
    case .ofThePlatform(let name):
      Problem(
        "secret-of-the-platform", 409, "The platform makes \(name) itself",
        detail: "'strongroom rotate' replaces keys of the platform")
    }
  }
}
