import Charters
import StrictJSON

/// Which servers outside services may have asked, for `status`: what the charters name. A private address is something that somebody
/// must have meant, so it stands there with its reason.
enum OutsideLine {
  static func texts(_ charters: CharterSet) -> [String] {
    let lines = charters.charters.flatMap { charter in
      charter.egress.map { destination -> String in
        let addresses = destination.namedPrivately.joined(separator: ", ")
        let place = addresses.isEmpty ? "" : " at \(addresses), not public"
        return "  \(charter.service) → \(destination.text)\(place): \(destination.reason)"
      }
    }
    return lines.isEmpty ? ["no charter names a server outside"] : ["outside:"] + lines
  }

  static func json(_ charters: CharterSet) -> JSON {
    .array(
      charters.charters.flatMap { charter in
        charter.egress.map { destination in
          .object([
            "service": .string(charter.service.description),
            "destination": .string(destination.text), "reason": .string(destination.reason),
            "private_addresses": .array(
              destination.namedPrivately.map { .string($0) }),
          ])
        }
      })
  }
}
