import CSandbox

/// How the C library's allocator treats large blocks. By itself it learns from each one that is freed (mallopt(3),
/// M_MMAP_THRESHOLD): after one Argon2 verification, its 19 MiB come from the heap of the thread that asks, and each thread
/// that ever verified a password keeps as much. With a fixed threshold the kernel gets such a block back at once.
package enum LargeBlocks {
  /// A block from this size on is a mapping of its own, in bytes. Buffers that are filled over and over are smaller.
  static let threshold: Int32 = 4 << 20
  /// What the main heap may keep free at its end, in bytes.
  static let kept: Int32 = 16 << 20

  /// Before the process has threads.
  /// - Returns: whether the allocator took both; another than glibc's need not.
  @discardableResult
  package static func returnToKernel() -> Bool {
    csandbox_allocator_limits(threshold, kept) == 0
  }
}
