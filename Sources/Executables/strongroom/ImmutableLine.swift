import Launcher
import StrictJSON

/// What `status` says about the launcher's guard of programs, charters and settings.
enum ImmutableLine {
  /// - Parameter silence: how long ago the guard looked last.
  static func text(_ standing: ImmutableStanding?, silence: Duration?) -> String {
    guard let standing else { return "immutable: nothing is guarded" }
    var parts = [
      "immutable: \(standing.programs) programs, \(standing.charters) charters, settings and policies pinned"
    ]
    if let silence, silence > ImmutableStanding.lookMax {
      parts.append("NOBODY HAS LOOKED for \(silence.components.seconds) s")
    }
    if !standing.unreverted.isEmpty {
      parts.append(
        "NOT AS PINNED and not put back: \(standing.unreverted.joined(separator: ", "))")
    }
    if let last = standing.recent.last {
      parts.append(
        "last change \(word(last.outcome)) \(time(last)) \(last.file) (\(last.fault), trace "
          + "\(last.correlation))")
    }
    return parts.joined(separator: "; ")
  }

  static func json(_ standing: ImmutableStanding?) -> JSON {
    guard let standing, let bytes = try? StrictJSON.encode(standing),
      let value = try? JSON.parse(bytes)
    else { return .null }
    return value
  }

  private static func word(_ outcome: PinEvent.Outcome) -> String {
    switch outcome {
    case .reverted: "put back"
    case .removed: "taken away"
    case .unreverted: "not put back"
    case .adopted: "adopted"
    case .published: "published"
    }
  }

  /// Hours, minutes and seconds of universal time.
  private static func time(_ event: PinEvent) -> String {
    "\(event.at)".split(separator: "T").last.map { "\($0.prefix(8))Z" } ?? "\(event.at)"
  }
}
