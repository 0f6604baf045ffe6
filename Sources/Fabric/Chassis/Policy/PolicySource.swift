import DurableFiles
import Foundation
import PolicyBundles
import PolicyEngine
import Telemetry
package import Vocabulary

extension Home {
  /// Where the access policies lie: the signed bundle, and the key that it must be signed with.
  package var policyFolder: String { "\(path)/policy" }
  package var policyBundleFile: String { "\(policyFolder)/bundle.tar.gz" }
  package var policyKeyFile: String { "\(policyFolder)/key.pem" }
  /// The highest version that a service decided by.
  package func policyVersionFile(of service: ServiceName) -> String {
    "\(dataFolder(of: service))/policy-version"
  }
}

/// The bundle on disk, and what a service remembers of earlier ones.
package struct PolicySource: Sendable {
  let home: Home
  let service: ServiceName

  private let believesAll: Bool
  private let edges: [AccessEdge: KnownInput]

  /// - Parameter questions: what the service will ask; its policies are narrowed to that.
  package init(
    home: Home, service: ServiceName, believesAll: Bool = false, questions: AccessQuestions? = nil
  ) {
    self.home = home
    self.service = service
    self.believesAll = believesAll
    edges = questions?.edges ?? [:]
  }

  /// - Throws: `StartFailure` where there is no version that may be put in force. Whoever keeps the folder may mend
  ///   it, so another attempt may succeed.
  package func open(staleAfter: Duration) throws(StartFailure) -> PolicyPoint {
    guard case .bytes(let pem) = read(home.policyKeyFile, bytesMax: 16_384) else {
      throw Self.failure("there is no key to verify them with")
    }
    let key = String(decoding: pem, as: UTF8.self)
    switch review(PolicyReview.Known(highest: try highest()), key: key).review {
    case .adopt(let rules, let sha256):
      try remember(rules.version)
      return PolicyPoint(rules, sha256: sha256, key: key, staleAfter: staleAfter)
    case .confirmed: throw Self.failure("nothing is in force")
    case .refused(_, let why): throw Self.failure(why)
    }
  }

  /// - Parameter key: as it was at the start, when the launcher vouched for it: whoever can write into the folder
  ///   later must not be able to bring a key along.
  /// - Returns: also whether the kernel no longer lets us in: the folder is another one than at our start.
  func review(
    _ known: PolicyReview.Known, key: String
  ) -> (review: PolicyReview, isShutOut: Bool) {
    let reading = read(home.policyBundleFile, bytesMax: PolicyRelease.bytesMax)
    if case .bytes(let bytes) = reading {
      return (
        PolicyReview(
          bytes, key: key, known: known, believesAll: believesAll, edges: edges), false
      )
    }
    let isShutOut = if case .denied = reading { true } else { false }
    return (PolicyReview(nil, key: key, known: known), isShutOut)
  }

  private static func failure(_ why: String) -> StartFailure {
    StartFailure(
      "there are no access policies to decide by: \(why)",
      hint: "`strongroom policy publish` signs and publishes a version", isPassing: true)
  }

  /// - Throws: `StartFailure` for a number that this service cannot have written.
  private func highest() throws(StartFailure) -> Int {
    guard case .bytes(let bytes) = read(home.policyVersionFile(of: service), bytesMax: 64) else {
      return 0
    }
    guard let number = Int(String(decoding: bytes, as: UTF8.self)), number > 0 else {
      throw StartFailure(
        "\(home.policyVersionFile(of: service)) is damaged",
        hint: "write the highest version of the access policies that was ever in force into it")
    }
    return number
  }

  /// Before a version decides: a service that forgets it could be rolled back by its next start.
  func remember(_ version: Int) throws(StartFailure) {
    do throws(DurableFile.Failure) {
      try DurableFile.write(
        [(home.policyVersionFile(of: service), Array("\(version)".utf8))], .ownersOnly,
        draft: ".new")
    } catch {
      throw StartFailure(
        "cannot write the version of the access policies: \(error)",
        hint: "check the free space on the disk", isPassing: true)
    }
  }

  private enum Reading {
    case bytes([UInt8])
    case denied
    /// Not there, no plain file, or larger.
    case none
  }

  /// Nothing is waited for: a pipe in the place of a file would hold us for ever.
  private func read(_ path: String, bytesMax: Int) -> Reading {
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return errno == EACCES ? .denied : .none }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
      facts.st_size <= bytesMax, let data = try? handle.read(upToCount: bytesMax + 1),
      data.count <= bytesMax
    else { return .none }
    return .bytes(Array(data))
  }
}
