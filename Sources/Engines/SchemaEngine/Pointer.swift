/// Whole JSON Pointers (RFC 6901), by which schemas are found. Those in faults for a person are made by StrictJSON, and may be cut.
package enum Pointer {
  package static func text(_ path: [String]) -> String {
    path.map { "/" + escaped($0) }.joined()
  }

  /// A name as it stands between slashes.
  package static func escaped(_ name: String) -> String {
    name.replacing("~", with: "~0").replacing("/", with: "~1")
  }

  /// The names of a pointer, without the slash that it begins with.
  package static func names(_ text: some StringProtocol) -> [String] {
    text.split(separator: "/", omittingEmptySubsequences: false).map {
      String($0).replacing("~1", with: "/").replacing("~0", with: "~")
    }
  }
}
