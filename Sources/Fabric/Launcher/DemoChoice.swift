/// Whether `up` puts the demo bank into a platform, and shows its login. The demo's password is printed, so it is never done unseen:
/// only where it was asked for, or for somebody at a terminal who tries the platform for the first time; and never where others
/// than this machine reach the door. Pure.
package enum DemoChoice: Hashable, Sendable {
  /// Put it there, or bring it up to date, and show the login.
  case seed
  case leave
  /// Asked for where it must not be.
  case refuse
  /// It is there from before, and the door has been opened wider since.
  case warn

  package init(_ facts: Facts, asked: Bool, declined: Bool) {
    let isInside = facts.isLoopback
    if asked {
      self = isInside ? .seed : .refuse
    } else if facts.hasDemo, !isInside {
      self = .warn
    } else if declined || !isInside || !facts.isInteractive {
      self = .leave
    } else {
      self = facts.hasDemo || facts.isFirst ? .seed : .leave
    }
  }

  package struct Facts: Hashable, Sendable {
    /// The home was never up.
    package let isFirst: Bool
    /// The demo bank was put there before.
    package let hasDemo: Bool
    /// A person sees what is printed.
    package let isInteractive: Bool
    /// Only this machine reaches the gateway.
    package let isLoopback: Bool

    package init(isFirst: Bool, hasDemo: Bool, isInteractive: Bool, bind: String) {
      self.isFirst = isFirst
      self.hasDemo = hasDemo
      self.isInteractive = isInteractive
      isLoopback = Self.isLoopback(bind)
    }

    /// IPv4 (RFC 1122 §3.2.1.3), as `--bind` takes it.
    package static func isLoopback(_ bind: String) -> Bool { bind.hasPrefix("127.") }
  }

  /// What is said where it is refused.
  package static let refusal =
    "the demo bank has a login whose password is printed; it is not for a door that others reach. Leave --bind at 127.0.0.1, or leave --demo out"
  /// What is said where it is there already.
  package static let warning =
    "this home holds the demo bank, whose password was printed, and the door listens beyond this machine; use a home of its own for that"
}
