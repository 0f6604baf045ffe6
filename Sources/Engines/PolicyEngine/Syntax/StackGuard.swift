/// How much stack reading and compiling have taken since they began. Nesting is limited in levels, too, but
/// what a level takes differs between builds, and threads of services may have half a mebibyte only.
struct StackGuard {
  /// Most stack, in bytes. A debug build takes several times as much for a level as a release does.
  #if DEBUG
    static let bytesMax: UInt = 1 << 20
  #else
    static let bytesMax: UInt = 320 << 10
  #endif

  private let top: UInt

  init() { top = Self.here() }

  var isSpent: Bool {
    let here = Self.here()
    return (here > top ? here - top : top - here) > Self.bytesMax
  }

  private static func here() -> UInt {
    var mark: UInt8 = 0
    return withUnsafePointer(to: &mark) { UInt(bitPattern: $0) }
  }
}
