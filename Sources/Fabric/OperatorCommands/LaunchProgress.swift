package import Chassis
import Commands
import Foundation
package import Launcher
import Storage
import StrictJSON
import Vocabulary

/// Shows what the launcher reports: a line for each service, then where to go.
package struct LaunchProgress: Sendable {
  private let home: Home
  private let json: Bool
  private let printed: PrintedCommand

  /// Of the launcher of this home.
  package init(of home: Home, _ place: PlaceOptions) {
    self.home = home
    json = place.json
    printed = place.printed
  }

  /// One event, as it comes.
  @Sendable package func show(_ event: LauncherEvent) {
    guard !json else { return printJSON(event) }
    let terminal = Terminal.output
    let unit = (event.service?.description ?? "") + (event.isProgram == true ? "'s program" : "")
    let name = unit.padding(toLength: max(12, unit.count), withPad: " ", startingAt: 0)
    switch event.kind {
    case .starting:
      guard terminal.isTerminal else { return }
      line("  \(terminal.styled("…", .yellow)) \(name) starting", isFinal: false)
    case .ready:
      let seconds = Self.seconds(event.millis)
      line("  \(terminal.styled("✓", .green)) \(name) ready in \(seconds), pid \(event.pid ?? 0)")
    case .standby: showStandby(name)
    case .restarting:
      line("  \(terminal.styled("!", .red)) \(name) \(LegibleText.of(event.detail ?? "ended"))")
    case .stopped: line("  \(terminal.styled("✓", .green)) \(name) stopped")
    case .up: showUp(event)
    case .failed: complain(event.detail ?? "the platform did not come up")
    case .down: line("Strongroom is down.")
    }
  }

  private func printJSON(_ event: LauncherEvent) {
    print(LegibleText.ofJSON(String(decoding: event.line.dropLast(), as: UTF8.self)))
    fflush(nil)
  }

  /// A line that the next one replaces, on a terminal; else a line.
  private func line(_ text: String, isFinal: Bool = true) {
    let clear = Terminal.output.isTerminal ? "\r\u{1b}[K" : ""
    print(clear + text, terminator: isFinal ? "\n" : "")
    fflush(nil)
  }

  private func showUp(_ event: LauncherEvent) {
    let terminal = Terminal.output
    let platform = PlatformSettings.read(home)
    let issuer = platform?.issuer ?? "https://localhost:8443"
    // Who brought a certificate knows who vouches for it.
    let trust =
      platform?.edgeCertificateFile == nil
      ? "--cacert \(PrintedCommand.quoted(home.edgeAuthorityLink)) " : ""
    line(
      terminal.styled("Strongroom is up", .bold) + " in \(Self.seconds(event.millis)).")
    print(
      """

        door          \(issuer)
        sign in       \(issuer)/.well-known/openid-configuration
        trust it      curl \(trust)\(issuer)/.well-known/openid-configuration
        state         \(home.path)
      """)
  }

  private func database(of name: String) -> String {
    ServiceName(name).flatMap { PlatformSettings.read(home)?.storeServer(of: $0) }?.location
      .description ?? "the database"
  }

  private func showStandby(_ name: String) {
    line("  \(Terminal.output.styled("…", .yellow)) \(name) stands by: another owns its books")
    line(
      """
      Strongroom stands by. It comes up by itself when the platform that owns the books in
      \(database(of: name)) is down or does not answer for ten seconds.
      See: \(printed.text("status"))
      """)
  }

  /// `1.4 s`.
  package static func seconds(_ millis: Int64) -> String {
    "\(millis / 1_000).\(millis % 1_000 / 100) s"
  }
}
