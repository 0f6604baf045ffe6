package import Chassis
import StrictJSON
package import Vocabulary

/// Which services of a home have ever had a store. A store that is gone would otherwise be made anew, empty, and a
/// ledger without accounts looks as ready as any other.
package enum KnownStores {
  private static func file(of home: Home) -> String { "\(home.path)/stores.json" }

  /// - Throws: `LaunchFailure.badHome` when the list cannot be read.
  package static func names(in home: Home) throws(LaunchFailure) -> Set<ServiceName> {
    guard let bytes = try WholeFile.read(file(of: home)) else { return [] }
    do {
      return try StrictJSON.decode(Set<ServiceName>.self, from: bytes)
    } catch {
      throw .badHome(path: file(of: home), reason: "it is not a list of services: \(error.reason)")
    }
  }

  /// Remembers a service's store, if it has one.
  package static func remember(_ service: ServiceName, in home: Home) throws(LaunchFailure) {
    guard WholeFile.exists(home.storeFile(of: service)) else { return }
    var known = try names(in: home)
    guard known.insert(service).inserted else { return }
    guard let bytes = try? StrictJSON.encode(known.sorted()) else { return }
    try WholeFile.write(bytes, to: file(of: home))
  }

  /// For a store that was taken elsewhere on purpose.
  package static func forget(_ service: ServiceName, in home: Home) throws(LaunchFailure) {
    var known = try names(in: home)
    guard known.remove(service) != nil, let bytes = try? StrictJSON.encode(known.sorted()) else {
      return
    }
    try WholeFile.write(bytes, to: file(of: home))
  }

  /// - Throws: `LaunchFailure.badHome` naming the first store that was here and is not.
  package static func requireAll(in home: Home) throws(LaunchFailure) {
    for service in try names(in: home).sorted() {
      let store = home.storeFile(of: service)
      guard WholeFile.exists(store) else {
        throw .badHome(
          path: store,
          reason:
            "the store of \(service) was here and is gone. Restore \(home.dataFolder(of: service)) from "
            + "your backup; to begin again with nothing, choose another --home")
      }
    }
  }
}
