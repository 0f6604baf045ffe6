import ArgumentParser
import DurableFiles
import Foundation
import PolicyBundles
import PolicyDocuments
import PolicyEngine

struct PolicyBuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Make a bundle of policies and data, signed if asked to.",
    discussion: """
      The policies must hold together, or there is no bundle. The same content gives the same bytes.
      With --bundle each path is a bundle itself, whose manifest is kept, and --verification-key says who \
      must have signed it. Exit code 1 when something is wrong.
      """)

  @Argument(help: ArgumentHelp("Policy or data, file or folder.", valueName: "path"))
  var paths: [String] = []

  @Flag(name: .shortAndLong, help: "The paths are bundles: archives or folders.")
  var bundle = false

  @Option(name: .shortAndLong, help: ArgumentHelp("Where the bundle goes.", valueName: "file"))
  var output = "bundle.tar.gz"

  @Option(name: .shortAndLong, help: "Version of the policies, for whoever loads the bundle.")
  var revision: String?

  @Option(
    help: ArgumentHelp(
      "File with the private key in PEM; for HS256, HS384 and HS512 the secret.", valueName: "key"))
  var signingKey: String?

  @Option(help: "\(BundleSigningKey.algorithms.joined(separator: ", ")).")
  var signingAlg = "RS256"

  @Option(
    help: ArgumentHelp("The same for the public key of bundles that are read.", valueName: "key"))
  var verificationKey: String?

  @Option(help: ArgumentHelp("Which of several keys it is.", valueName: "name"))
  var verificationKeyId: String?

  @Option(help: "What the signature is for.")
  var scope: String?

  func validate() throws {
    guard !paths.isEmpty else { throw ValidationError("name at least one path") }
    guard BundleSigningKey.algorithms.contains(signingAlg) else {
      throw ValidationError("--signing-alg must be one of \(BundleSigningKey.algorithms)")
    }
    guard verificationKey == nil || bundle else {
      throw ValidationError("--verification-key needs --bundle")
    }
  }

  func run() throws {
    var files = PolicyFiles()
    do {
      if bundle {
        try files.add(bundles: paths, verification: try verification())
      } else {
        try files.add(paths: paths)
      }
      _ = try files.compiled()
      let key = try signingKey.map {
        try BundleSigningKey(try Self.key($0, signingAlg), algorithm: signingAlg)
      }
      let manifest = BundleManifest(
        revision: revision ?? files.manifest?.revision ?? "",
        roots: files.manifest?.roots ?? [""])
      let packed = try PolicyBundle.packed(
        manifest, modules: files.modules, data: files.data, signing: key,
        keyID: verificationKeyId ?? "", scope: scope ?? "")
      try DurableFile.write(packed, to: output, .asFound)
    } catch let errors as PolicyErrors {
      throw endPolicy(errors.shown(files.modules), code: 1)
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 1)
    } catch let error as BundleError {
      throw endPolicy("\(error)", code: 1)
    } catch let error as DurableFile.Failure {
      throw endPolicy("\(error)", code: 1)
    }
  }

  private func verification() throws -> BundleVerification? {
    try verificationKey.map {
      BundleVerification(
        algorithm: signingAlg, key: try Self.key($0, signingAlg), scope: scope ?? "")
    }
  }

  /// A secret may stand in the argument itself; a key never.
  static func key(_ option: String, _ algorithm: String) throws -> String {
    if algorithm.hasPrefix("HS"), !FileManager.default.fileExists(atPath: option) { return option }
    return String(decoding: try PolicyFiles.read(option), as: UTF8.self)
  }
}

struct PolicyInspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Say what a bundle holds.")

  @Argument(help: ArgumentHelp("Bundle: archive or folder.", valueName: "path"))
  var path: String

  @Option(name: .shortAndLong, help: "pretty or json.")
  var format = PolicyOutputFormat.pretty

  @Option(
    help: ArgumentHelp(
      "Who must have signed it: PEM of the public key, or the secret.", valueName: "key"))
  var verificationKey: String?

  @Option(help: "\(BundleSigningKey.algorithms.joined(separator: ", ")).")
  var signingAlg = "RS256"

  func run() throws {
    do {
      let verification = try verificationKey.map {
        BundleVerification(
          algorithm: signingAlg, key: try PolicyBuildCommand.key($0, signingAlg))
      }
      let bundle = try PolicyFiles.bundle(path, verification: verification)
      var spaces: [String: [String]] = [:]
      for module in bundle.modules {
        let package = try CompiledPolicy.packageName(module.source, file: module.file)
        spaces[package, default: []].append("/" + module.file)
      }
      show(bundle, spaces)
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 1)
    } catch let error as PolicyError {
      throw endPolicy("\(error)", code: 1)
    }
  }

  private func show(_ bundle: PolicyBundle, _ spaces: [String: [String]]) {
    let manifest = bundle.manifest
    guard format == .json else {
      var rows = [["FIELD", "VALUE"]]
      if !manifest.revision.isEmpty { rows.append(["Revision", manifest.revision]) }
      rows.append(["Roots", manifest.roots.map { $0.isEmpty ? "/" : $0 }.joined(separator: ", ")])
      if bundle.isVerified { rows.append(["Signature", "verified"]) }
      print("MANIFEST:\n" + TextBox.text(rows), terminator: "")
      let files = spaces.sorted { $0.key < $1.key }.flatMap { space, files in
        files.map { [space, $0] }
      }
      print("NAMESPACES:\n" + TextBox.text([["NAMESPACE", "FILE"]] + files), terminator: "")
      return
    }
    let value = Value.object(
      ObjectValue([
        (
          .string("manifest"),
          .object(
            ObjectValue([
              (.string("revision"), .string(manifest.revision)),
              (.string("roots"), .array(manifest.roots.map(Value.string))),
            ]))
        ),
        (
          .string("namespaces"),
          .object(
            ObjectValue(
              spaces.map { (.string($0.key), .array($0.value.map(Value.string))) }))
        ),
      ]))
    print(value.indentedJSON)
  }
}
