import FuzzTargets
import Glibc

/// `strongroom-fuzz TARGET FILE…` tries files one by one, to see a finding again. Built with `-DFUZZER -sanitize=fuzzer`,
/// as `./strongroom soak fuzz` does, it is libFuzzer's driver instead: `strongroom-fuzz TARGET [libFuzzer's options]`.
@main
enum Fuzz {
  /// EX_USAGE of sysexits(3).
  private static let usageCode: Int32 = 64

  static func main() {
    guard CommandLine.arguments.count > 1,
      let target = FuzzTarget(rawValue: CommandLine.arguments[1])
    else {
      let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
      say("usage: strongroom-fuzz TARGET FILE…\ntargets: \(known)")
      exit(usageCode)
    }
    #if FUZZER
      chosen = target
      drive()
    #else
      for path in CommandLine.arguments.dropFirst(2) {
        guard let bytes = contents(of: path) else {
          say("strongroom-fuzz: \(path) cannot be read")
          exit(EXIT_FAILURE)
        }
        target.run(bytes)
        print("\(path): no finding")
      }
    #endif
  }

  private static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }

  private static func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }
}

#if FUZZER
  /// Set once, before libFuzzer begins; its callback takes no context.
  private nonisolated(unsafe) var chosen = FuzzTarget.json

  @_silgen_name("LLVMFuzzerRunDriver")
  private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
  ) -> Int32

  extension Fuzz {
    fileprivate static func drive() -> Never {
      let kept = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)
      let words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
        capacity: kept.count + 1)
      for (index, word) in kept.enumerated() { words[index] = strdup(word) }
      words[kept.count] = nil
      var count = Int32(kept.count)
      var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = words
      exit(
        runDriver(&count, &pointer) { bytes, count in
          chosen.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
          return 0
        })
    }
  }
#endif
