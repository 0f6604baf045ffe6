import Glibc

/// How often this thread has asked the heap for memory, where `libstrongroom-heapcount.so` was
/// preloaded into the process.
package enum HeapCount {
  package static let library = "libstrongroom-heapcount.so"
  private typealias Count = @convention(c) () -> UInt64

  private static let count: Count? = dlsym(nil, "strongroom_heap_count").map {
    unsafeBitCast($0, to: Count.self)
  }

  /// Nil where nobody counts.
  package static var now: UInt64? { count?() }

  /// Begins this program again with the library preloaded. Returns where nobody can count then
  /// either: without the library, or where the program cannot be begun again.
  package static func begin(program: String, library: String, arguments: [String]) {
    guard count == nil, getenv("LD_PRELOAD") == nil, access(library, R_OK) == 0 else { return }
    setenv("LD_PRELOAD", library, 1)
    var words = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    execv(program, words)
    unsetenv("LD_PRELOAD")
  }
}
