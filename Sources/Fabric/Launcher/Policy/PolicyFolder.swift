import Foundation
package import PolicyBundles
import PolicyEngine
import StrictJSON

/// A checkout's `Policies`, as far as it is about access: `access/*.rego`, and `data.json`.
package enum PolicyFolder {
  /// Folder of a checkout.
  package static let name = "Policies"
  /// Most files of policies.
  static let filesMax = 1_000

  /// - Throws: `badPolicies`, or `system` for what cannot be read.
  package static func read(_ folder: String) throws(LaunchFailure) -> PolicyDraft {
    let names = WholeFile.names(in: "\(folder)/access").filter { $0.hasSuffix(".rego") }
    guard !names.isEmpty, names.count <= filesMax,
      let lists = try WholeFile.read("\(folder)/data.json")
    else {
      throw .badPolicies(
        folder: folder, faults: ["expected access/*.rego, \(filesMax) at most, and data.json"])
    }
    // A list that stands twice would hide the first: whoever reads that file sees both.
    do throws(JSONError) {
      _ = try JSON.parse(lists)
    } catch {
      throw .badPolicies(folder: folder, faults: ["data.json: \(error)"])
    }
    let data: Value
    do throws(JSONTextError) {
      data = try Value.parse(json: lists)
    } catch {
      throw .badPolicies(
        folder: folder, faults: ["data.json: \(error.reason) at byte \(error.offset)"])
    }
    var modules: [(file: String, source: String)] = []
    for name in names {
      guard let bytes = try WholeFile.read("\(folder)/access/\(name)"),
        let source = String(validating: bytes, as: UTF8.self)
      else { throw .badPolicies(folder: folder, faults: ["access/\(name) is no UTF-8 text"]) }
      modules.append((file: "access/\(name)", source: source))
    }
    return PolicyDraft(modules: modules, data: data)
  }
}
