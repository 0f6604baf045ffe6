import Charters
import Commands
import Foundation
import Launcher
import PolicyDocuments
import PolicyEngine
import StrictJSON

/// What the organisation's policies say of charters and manifests before anything of them runs.
struct DeployGate {
  /// Why something may not be deployed.
  struct Refusal {
    let rule: String
    let file: String
    let line: Int
    let message: String

    var description: String { "\(file):\(line):1: refused: \(message) (\(rule))" }
  }

  private let policy: CompiledPolicy
  /// The policies' lists.
  let data: Value
  /// How many files decide.
  let policies: Int

  /// - Throws: `OperatorFailure` where the policies are missing or wrong: without them nothing passes.
  init(_ folder: String) throws {
    do {
      var files = PolicyFiles()
      try files.add(paths: [folder])
      policy = try files.compiled()
      data = files.data
      policies = files.modules.count
      for package in ["deploy", "kubernetes"]
      where !policy.ruleNames.contains("data.strongroom.\(package).allow") {
        throw OperatorFailure("\(folder) has no policy strongroom.\(package)", .badInput)
      }
    } catch let error as PolicyFilesError {
      throw OperatorFailure("the policies cannot be read: \(error)", .noInput)
    } catch let errors as PolicyErrors {
      throw OperatorFailure("the policies are wrong: \(errors)", .badInput)
    }
  }

  /// What is to run, and what the build says that it made.
  struct Artifacts {
    /// Digests by name, `sha256:…`.
    let present: [String: String]
    let built: [String: String]

    fileprivate var members: [(Value, Value)] {
      func object(_ texts: [String: String]) -> Value {
        .object(ObjectValue(texts.map { (.string($0.key), .string($0.value)) }))
      }
      let list = present.sorted { $0.key < $1.key }.map {
        object(["name": $0.key, "digest": $0.value])
      }
      return [(.string("artifacts"), .array(list)), (.string("built"), object(built))]
    }
  }

  /// - Parameters:
  ///   - files: charters; other files among them are passed over.
  ///   - charters: all of the platform, in which they stand with the edges that follow from others.
  ///   - artifacts: nil while charters are only looked at; then nobody asks for digests.
  func judge(
    _ files: [CharterFile], of charters: CharterSet, artifacts: Artifacts? = nil
  ) throws -> [Refusal] {
    try files.flatMap { file -> [Refusal] in
      guard let charter = try charter(in: file, of: charters) else { return [] }
      var input: [(Value, Value)] = [
        (.string("charter"), charter),
        (.string("stage"), .string(artifacts == nil ? "check" : "deploy")),
      ]
      input += artifacts?.members ?? []
      // The contract lies beside its charter.
      let contract = URL(filePath: file.name).deletingLastPathComponent()
        .appending(path: "openapi.yaml").path(percentEncoded: false)
      if file.name.hasSuffix("/charter.yaml"),
        let bytes = FileManager.default.contents(atPath: contract)
      {
        input.append((.string("contract"), try document(bytes, name: contract)))
      }
      return try refusals("deploy", .object(ObjectValue(input)), file.name, file.text)
    }
  }

  /// The charter as the platform understands it, or nil for a file that is none: what is judged is what will run.
  private func charter(in file: CharterFile, of charters: CharterSet) throws -> Value? {
    let found = try document(Data(file.text.utf8), name: file.name)
    guard case .object(let members) = found, members["service"] != nil else { return nil }
    let charter: Charter
    do throws(CharterFaults) {
      charter = try Charter.parse(file: file.name, text: file.text)
    } catch {
      throw LaunchFailure.badCharters(error)
    }
    let inForce = charters[charter.service] ?? charter
    return try document(Data(inForce.document.canonicalBytes), name: "charter.json")
  }

  /// - Parameter path: a file of Kubernetes manifests, YAML or JSON.
  func judge(manifests path: String) throws -> [Refusal] {
    let bytes: Data
    do {
      bytes = try PolicyFiles.read(path)
    } catch let error as PolicyFilesError {
      throw OperatorFailure("\(error)", .noInput)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    // Documents of one YAML stream are judged one by one.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let documents = lines.split { $0 == "---" || $0.hasPrefix("--- ") }
    let all = try documents.flatMap { lines -> [Refusal] in
      let part = lines.joined(separator: "\n")
      let value = try document(Data(part.utf8), name: path)
      guard value != .null else { return [] }
      return try refusals("kubernetes", value, path, text)
    }
    guard documents.contains(where: { !$0.allSatisfy(\.isEmpty) }) else {
      throw OperatorFailure("\(path): no manifest", .badInput)
    }
    return all
  }

  private func document(_ bytes: Data, name: String) throws -> Value {
    do {
      return try PolicyFiles.document(bytes, name: name.hasSuffix(".json") ? name : "\(name).yaml")
    } catch let error as PolicyFilesError {
      throw OperatorFailure("\(error)", .badInput)
    }
  }

  private func refusals(_ package: String, _ input: Value, _ file: String, _ text: String) throws
    -> [Refusal]
  {
    let found: EvaluationResult
    do {
      found = try policy.evaluate(
        "found = data.strongroom.\(package).deny; allowed = data.strongroom.\(package).allow",
        EvaluationInput(input: input, data: data, isStrict: true))
    } catch {
      throw OperatorFailure("\(file): the policies could not decide: \(error)", .badInput)
    }
    guard let result = found.bindings.first, case .set(let findings)? = result["found"] else {
      throw OperatorFailure("\(file): the policies could not decide", .badInput)
    }
    let refusals = findings.members.map { finding -> Refusal in
      func said(_ name: String) -> String {
        if case .object(let members) = finding, case .string(let text)? = members[name] {
          return text
        }
        return ""
      }
      let message = said("message")
      return Refusal(
        rule: said("rule"), file: file, line: Self.line(of: said("near"), in: text),
        message: message.isEmpty ? finding.jsonText : message)
    }
    guard refusals.isEmpty, result["allowed"] != .bool(true) else { return refusals }
    return [Refusal(rule: "allow", file: file, line: 1, message: "no policy allows it")]
  }

  private static func line(of text: String, in source: String) -> Int {
    guard !text.isEmpty else { return 1 }
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines.firstIndex { $0.contains(text) } ?? 0) + 1
  }
}
