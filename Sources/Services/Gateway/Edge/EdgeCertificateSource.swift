import AuthorityAPI
import Chassis
import FoundationEssentials
import Telemetry
import Vocabulary

/// Where the outside certificate comes from: PEM files named in `platform.json`, or the platform's
/// own authority. Renewed while the listener stands; connections that are open keep what they have.
struct EdgeCertificateSource: Sendable {
  /// How often files are looked at for a newer certificate.
  static let filesEvery: Duration = .seconds(300)
  /// How often the clock is looked at during a long pause.
  static let lookEvery: Duration = .seconds(5)
  /// After a failed renewal.
  static let retryEvery: Duration = .seconds(10)
  /// At start, the authority may need a moment.
  static let firstTriesMax = 20
  static let firstPause: Duration = .milliseconds(250)

  struct Material: Sendable {
    let chain: [UInt8]
    let privateKey: [UInt8]
    /// Nil for files: their end is their owner's business.
    let validity: (from: Instant, to: Instant)?
  }

  private let service: ServiceContext
  init(_ service: ServiceContext) { self.service = service }

  /// - Throws: `StartFailure` for files that cannot be read, or the authority's last refusal.
  func first() async throws -> Material {
    var tries = 1
    while true {
      do {
        return try await fetch()
      } catch let failure as StartFailure {
        throw failure
      } catch {
        guard tries < Self.firstTriesMax else { throw error }
        tries += 1
        try await Task.sleep(for: Self.firstPause)
      }
    }
  }

  /// Keeps the listener's certificate fresh until cancelled.
  func follow(from first: Material, _ identity: EdgeIdentity) async throws {
    var current = first
    while !Task.isCancelled {
      try await pause(after: current)
      do {
        let next = try await fetch()
        guard next.chain != current.chain else { continue }
        try identity.replace(chain: next.chain, privateKey: next.privateKey)
        current = next
        service.log.info("edge certificate renewed")
      } catch is CancellationError {
        return
      } catch {
        service.log.warning("edge certificate not renewed", ["why": .text("\(error)")])
        try await Task.sleep(for: Self.retryEvery)
      }
    }
  }

  /// Until half of the validity is over, or has not begun: the clock is looked at now and then, because it may be set.
  private func pause(after material: Material) async throws {
    guard let (from, to) = material.validity else {
      return try await Task.sleep(for: Self.filesEvery)
    }
    let half = from + .nanoseconds((to - from).nanoseconds / 2)
    repeat {
      let rest = max(half - service.clock.now(), .seconds(1))
      try await Task.sleep(for: min(rest, Self.lookEvery))
    } while (from..<max(from, half)).contains(service.clock.now())
  }

  private func fetch() async throws -> Material {
    if let chainFile = service.platform.edgeCertificateFile,
      let keyFile = service.platform.edgeKeyFile
    {
      return Material(chain: try read(chainFile), privateKey: try read(keyFile), validity: nil)
    }
    let issued = try await service.client("authority").call(
      AuthorityOperations.issueEdgeCertificate, request,
      context: service.background(within: .seconds(5)))
    return Material(
      chain: Array(issued.chain.utf8), privateKey: Array(issued.privateKey.utf8),
      validity: (issued.notBefore, issued.notAfter))
  }

  private func read(_ file: String) throws(StartFailure) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw StartFailure(
        "cannot read \(file)",
        hint: "edge_certificate_file and edge_key_file in platform.json name PEM files")
    }
    return Array(data)
  }

  private var request: EdgeCertificateRequest {
    let names = EdgeNames(service.platform)
    return EdgeCertificateRequest(hosts: names.hosts, addresses: names.addresses)
  }
}
