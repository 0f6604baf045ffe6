import Foundation
import Glibc
import Sandbox
import Testing

@Suite struct `Large blocks of memory` {
  @Test func `go back to the kernel, whichever thread freed them`() async {
    await #expect(processExitsWith: .success) {
      guard LargeBlocks.returnToKernel() else { exit(1) }
      let before = residentMebibytes()
      blocksOfThreads()
      exit(residentMebibytes() - before < 8 ? 0 : 2)
    }
  }

  @Test func `stay with each thread otherwise`() async {
    await #expect(processExitsWith: .exitCode(3)) {
      let before = residentMebibytes()
      blocksOfThreads()
      exit(residentMebibytes() - before < 8 ? 0 : 3)
    }
  }
}

/// Argon2's need, three times on each of four threads that stay.
private func blocksOfThreads() {
  let done = DispatchSemaphore(value: 0)
  for _ in 0..<4 {
    Thread.detachNewThread {
      for _ in 0..<3 {
        guard let block = malloc(19 << 20) else { exit(4) }
        memset(block, 1, 19 << 20)
        free(block)
      }
      done.signal()
      while true { sleep(60) }
    }
  }
  for _ in 0..<4 { done.wait() }
}

private func residentMebibytes() -> Int {
  let words = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    .split(separator: " ")
  return (words.flatMap { Int($0[1]) } ?? 0) * 4_096 / (1 << 20)
}
