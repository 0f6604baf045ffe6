import Foundation
import Vocabulary

extension Clock {
  /// The system's real-time clock. This program shares none with the services, for it has nothing else of theirs.
  static let system = Clock {
    Instant(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
  }
}
