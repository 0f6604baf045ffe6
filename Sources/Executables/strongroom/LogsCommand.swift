import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import Sandbox
import Vocabulary

struct LogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "The services' logs, merged by time.",
    discussion:
      """
      On a terminal lines are laid out for reading; with --json, or into a pipe, each is one JSON object. Which service it \
      is, is told by the file it stands in and not by the line; what would steer the terminal is escaped.
      """
  )

  @OptionGroup var place: PlaceOptions

  @Argument(help: "Only these services ('launcher' is one too).")
  var services: [String] = []

  @Flag(name: .shortAndLong, help: "Go on as lines are written.")
  var follow = false

  @Option(help: ArgumentHelp("Only lines of one transaction.", valueName: "id"))
  var correlation: String?

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("Only the last lines (0 = all).", valueName: "n"))
  var tail = 200

  func validate() throws {
    if let correlation, CorrelationID(correlation) == nil {
      throw ValidationError("a correlation id is 32 lower-case hex digits")
    }
    guard tail >= 0 else { throw ValidationError("--tail must not be negative") }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let home = try place.place()
      let reader = LogFolder(home: home, services: services)
      let merge = LogMerge(correlation: correlation)
      var position = LogFolder.Position()
      let lines = LogMerge.ordered(reader.older(merge) + reader.next(merge, &position))
      guard !lines.isEmpty || follow || !reader.names.isEmpty else {
        throw OperatorFailure("there are no logs in \(home.logFolder)", .noInput)
      }
      show(tail == 0 ? lines[...] : lines.suffix(tail))
      while follow {
        try await Task.sleep(for: .milliseconds(150))
        show(LogMerge.ordered(reader.next(merge, &position))[...])
      }
    }
  }

  private func show(_ lines: ArraySlice<StoredLine>) {
    guard !lines.isEmpty else { return }
    let isForPrograms = place.json || !Terminal.output.isTerminal
    for line in lines {
      print(isForPrograms ? line.json : LineLayout.layout(LegibleLine(line), Terminal.output))
    }
    fflush(nil)
  }
}

/// The log files of a home.
struct LogFolder {
  /// How far each file has been read, by inode, so that a file put aside is not read again.
  struct Position { var read: [UInt64: Int] = [:] }

  let home: Home
  let services: [String]

  /// Names of the logs that are wanted and there.
  var names: [String] {
    WholeFile.names(in: home.logFolder).filter { $0.hasSuffix(".log") }.map {
      String($0.dropLast(4))
    }
    // A program's lines belong to its service.
    .filter { services.isEmpty || services.contains(String($0.prefix { $0 != "." })) }
  }

  /// The files put aside earlier.
  func older(_ merge: LogMerge) -> [StoredLine] {
    names.flatMap { name in
      (1...LogFile.olderMax).reversed().flatMap { number in
        guard let bytes = try? WholeFile.read("\(home.logFolder)/\(name).log.\(number)") else {
          return [StoredLine]()
        }
        return merge.lines(of: name, bytes)
      }
    }
  }

  /// What was written to the current files since the last call; whole lines only.
  func next(_ merge: LogMerge, _ position: inout Position) -> [StoredLine] {
    var lines: [StoredLine] = []
    for name in names {
      guard let file = FileHandle(forReadingAtPath: "\(home.logFolder)/\(name).log") else {
        continue
      }
      defer { try? file.close() }
      guard let facts = FileFacts(descriptor: file.fileDescriptor) else { continue }
      let read = position.read[facts.identity.inode] ?? 0
      guard Int(facts.identity.size) > read, (try? file.seek(toOffset: UInt64(read))) != nil,
        let data = try? file.readToEnd(), let end = data.lastIndex(of: 0x0a)
      else { continue }
      let whole = data[...end]
      position.read[facts.identity.inode] = read + whole.count
      lines += merge.lines(of: name, whole)
    }
    return lines
  }
}

/// One line for people: time, service, level, message, then what else it says.
enum LineLayout {
  static func layout(_ line: LegibleLine, _ terminal: Terminal) -> String {
    let source = line.source.padding(
      toLength: max(10, line.source.count), withPad: " ", startingAt: 0)
    guard let time = line.time else {
      return "\(terminal.styled(source, .cyan)) \(terminal.styled(line.message, .red))"
    }
    let style: Terminal.Style =
      switch line.level {
      case "error": .red
      case "warning": .yellow
      default: .plain
      }
    return "\(terminal.styled(time, .dim)) \(terminal.styled(source, .cyan)) "
      + terminal.styled(line.message, style) + " " + terminal.styled(line.rest, .dim)
  }
}
