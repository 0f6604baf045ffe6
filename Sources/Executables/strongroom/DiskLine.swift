import Commands
import StrictJSON
import Vocabulary

/// What a service says of its disk, for `status`.
struct DiskLine: Sendable {
  let service: ServiceName
  let json: JSON
  private let level: String
  private let free: Int64?
  private let alarm: Int64
  private let reserve: Int64

  init?(_ service: ServiceName, _ json: JSON) {
    guard let level = json["level"]?.string, let alarm = json["alarm_bytes"]?.integer,
      let reserve = json["reserve_bytes"]?.integer
    else { return nil }
    self.service = service
    self.json = json
    self.level = level
    self.alarm = alarm
    self.reserve = reserve
    free = json["free_bytes"]?.integer
  }

  var isFull: Bool { level == "reserved" }
  private var isScarce: Bool { level == "scarce" }

  /// One line for all of them: who has the least room decides.
  static func text(of all: [DiskLine]) -> String? {
    guard let least = all.min(by: { ($0.free ?? .max) < ($1.free ?? .max) }), let free = least.free
    else { return nil }
    let room = "\(free >> 20) MiB free on the disk"
    func names(_ lines: [DiskLine]) -> String {
      lines.map(\.service.description).sorted().joined(separator: ", ")
    }
    let full = all.filter(\.isFull)
    guard full.isEmpty else {
      return Terminal.output.styled(
        "\(room): \(names(full)) take no new work below \(least.reserve >> 20) MiB; make room", .red
      )
    }
    let scarce = all.filter(\.isScarce)
    guard scarce.isEmpty else {
      return Terminal.output.styled(
        "\(room): below \(least.reserve >> 20) MiB no new work is taken; make room", .yellow)
    }
    return "\(room); the alarm is given below \(least.alarm >> 20) MiB"
  }
}
