package import PolicyBundles
import PolicyEngine
package import Vocabulary

extension PolicyStore {
  /// Puts a bundle in force in place of the one with its name.
  /// - Throws: `BundleRefusal`; then everything stays as it was.
  package mutating func activate(
    _ name: String, _ bundle: PolicyBundle, at now: Instant
  ) throws(BundleRefusal) {
    let roots = bundle.manifest.roots.map { $0.split(separator: "/").map(String.init) }
    let present = bundles[name]
    if let present, Self.isOlder(bundle.manifest.revision, than: present.revision) {
      throw BundleRefusal(
        reason: "revision \(bundle.manifest.revision) is older than \(present.revision)")
    }
    for (other, active) in bundles where other != name {
      for root in roots {
        if let taken = active.roots.first(where: { $0.starts(with: root) || root.starts(with: $0) })
        {
          throw BundleRefusal(
            reason: "its root '\(root.joined(separator: "/"))' overlaps "
              + "'\(taken.joined(separator: "/"))' of bundle '\(other)'")
        }
      }
    }
    var changed = self
    do {
      for module in bundle.modules {
        let package = try CompiledPolicy.packageName(module.source, file: module.file)
        let path = package.split(separator: ".").dropFirst().map(String.init)
        guard roots.contains(where: { path.starts(with: $0) }) else {
          throw BundleRefusal(reason: "\(module.file): \(package) is outside the bundle's roots")
        }
      }
      for root in present?.roots ?? [] { changed.data = changed.data.without(root[...]) }
      for root in roots { changed.data = changed.data.without(root[...]) }
      guard let data = changed.data.merging(bundle.data) else {
        throw BundleRefusal(reason: "its data contradicts other data")
      }
      changed.data = data
      var policies = changed.policies.filter { $0.value.bundle != name }
      for module in bundle.modules {
        policies["\(name)/\(module.file)"] = StoredPolicy(source: module.source, bundle: name)
      }
      try changed.replacePolicies(policies)
      try changed.checkDocuments()
    } catch let error as BundleRefusal {
      throw error
    } catch {
      throw BundleRefusal(reason: "\(error)")
    }
    changed.bundles[name] = ActiveBundle(
      revision: bundle.manifest.revision, roots: roots, activatedAt: now, refusal: nil)
    self = changed
  }

  /// Keeps for the status why the next version of a bundle was refused.
  package mutating func refuse(_ name: String, _ refusal: BundleRefusal) {
    bundles[name]?.refusal = refusal.reason
  }

  /// Revisions made of whole numbers, such as `7` and `1.10.2`, have an order; of others nobody can
  /// say which is older.
  static func isOlder(_ revision: String, than other: String) -> Bool {
    func numbers(_ text: String) -> [Int]? {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
      return parts.contains(nil) ? nil : parts.compactMap(\.self)
    }
    guard let first = numbers(revision), let second = numbers(other) else { return false }
    return first.lexicographicallyPrecedes(second)
  }
}

/// Why a bundle was not put in force; the one before it stays.
package struct BundleRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  package init(reason: String) { self.reason = reason }
  package var description: String { reason }
}

extension Value {
  /// Without what stands at a path.
  fileprivate func without(_ path: ArraySlice<String>) -> Value {
    guard case .object(var object) = self else { return self }
    guard let name = path.first else { return .object(.empty) }
    guard let child = object[name] else { return self }
    object[.string(name)] = path.count == 1 ? nil : child.without(path.dropFirst())
    return .object(object)
  }
}
