import Glibc

/// What our output is written to. Colour and moving lines only on a terminal, and never when
/// NO_COLOR is set (no-color.org) or the terminal says that it is dumb.
package struct Terminal: Sendable {
  package enum Style: String {
    case plain = "0"
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  /// A person may read along.
  package let isTerminal: Bool
  let isColoured: Bool

  package static let output = Terminal(STDOUT_FILENO)
  package static let error = Terminal(STDERR_FILENO)

  private init(_ descriptor: Int32) {
    isTerminal = isatty(descriptor) == 1
    func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    isColoured = isTerminal && variable("NO_COLOR").isEmpty && variable("TERM") != "dumb"
  }

  /// Plain where there is no colour.
  package func styled(_ text: String, _ style: Style) -> String {
    isColoured ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
  }

  /// Columns separated by two spaces, each as wide as its widest cell; the first row is the heading. What cells say comes from
  /// services, too, so all of it is made legible.
  package func table(
    _ rows: [[String]], style: (_ row: Int, _ column: Int) -> Style = { _, _ in .plain }
  )
    -> String
  {
    let rows = rows.map { $0.map(LegibleText.of) }
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.enumerated().map { index, row in
      row.enumerated().map { column, cell in
        let isLast = column == row.count - 1
        let padding = isLast ? "" : String(repeating: " ", count: widths[column] - cell.count)
        let style = index == 0 ? Style.bold : style(index, column)
        return styled(cell, style) + padding
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

/// Writes to standard error. The text may hold what a service or a stranger said.
package func complain(_ text: String) {
  let text = text.split(separator: "\n", omittingEmptySubsequences: false)
    .map { LegibleText.of(String($0)) }.joined(separator: "\n")
  writeError("strongroom: \(text)\n")
}

/// Whole, or as much as is taken.
func writeError(_ text: String) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return }
    rest = rest.dropFirst(count)
  }
}
