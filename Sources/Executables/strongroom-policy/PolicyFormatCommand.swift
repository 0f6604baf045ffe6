import ArgumentParser
import DurableFiles
import Foundation
import PolicyDocuments
import PolicyEngine

struct PolicyFormatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmt", abstract: "Lay out policies as everybody does.",
    discussion: """
      Without a path the policy is read from standard input. Comments, and the line breaks of the author, \
      stay. Without --list, --diff and --write the result goes to standard output.
      """)

  @Argument(help: ArgumentHelp("Policy, file or folder.", valueName: "path"))
  var paths: [String] = []

  @Flag(name: .shortAndLong, help: "Only name the files that would change.")
  var list = false

  @Flag(name: .shortAndLong, help: "Show what would change.")
  var diff = false

  @Flag(name: .shortAndLong, help: "Change the files.")
  var write = false

  @Flag(help: "Exit code 1 where a file would change.")
  var fail = false

  func run() throws {
    var hasChanges = false
    do {
      if paths.isEmpty {
        let source = String(
          decoding: try FileHandle.standardInput.readToEnd() ?? Data(), as: UTF8.self)
        hasChanges = try show(source, "stdin")
      }
      for file in try PolicyFiles.regoFiles(paths) {
        let source = String(decoding: try PolicyFiles.read(file), as: UTF8.self)
        hasChanges = try show(source, file) || hasChanges
      }
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 1)
    }
    if fail, hasChanges { throw ArgumentParser.ExitCode(1) }
  }

  /// Whether the layout is another one.
  private func show(_ source: String, _ file: String) throws -> Bool {
    let text: String
    do {
      text = try PolicyFormat.format(source, file: file)
    } catch {
      throw endPolicy(
        PolicyErrors(errors: [error]).shown([(file: file, source: source)]), code: 1)
    }
    let isChanged = text != source
    if write, isChanged, file != "stdin" {
      try DurableFile.write(Array(text.utf8), to: file, .asFound)
    }
    if list, isChanged { print(file) }
    if diff, isChanged { print(LineDifference.text(source, text, file: file), terminator: "") }
    if !list, !diff, !write || file == "stdin" { print(text, terminator: "") }
    return isChanged
  }
}

/// What changed, line by line, in the form of `diff -u` with the whole file as one hunk.
enum LineDifference {
  static func text(_ old: String, _ new: String, file: String) -> String {
    let before = lines(old)
    let after = lines(new)
    let changes = after.difference(from: before)
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in changes {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var text = "--- \(file)\n+++ formatted/\(file)\n@@ -1,\(before.count) +1,\(after.count) @@\n"
    var (left, right) = (0, 0)
    while left < before.count || right < after.count {
      if removed.contains(left), left < before.count {
        text += "-\(before[left])\n"
        left += 1
      } else if inserted.contains(right), right < after.count {
        text += "+\(after[right])\n"
        right += 1
      } else {
        text += " \(before[left])\n"
        left += 1
        right += 1
      }
    }
    return text
  }

  private static func lines(_ text: String) -> [Substring] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.last?.isEmpty == true ? Array(lines.dropLast()) : lines
  }
}
