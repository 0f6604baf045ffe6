package import Vocabulary

/// What was seen of a running platform at one moment of a soak.
package struct SoakSample: Sendable {
  /// What the kernel said of one service's process.
  package struct Process: Sendable, Hashable {
    package let pid: Int32
    /// Resident memory in KiB.
    package let residentKiB: Int64
    package let descriptors: Int
    package let threads: Int

    package init(pid: Int32, residentKiB: Int64, descriptors: Int, threads: Int) {
      self.pid = pid
      self.residentKiB = residentKiB
      self.descriptors = descriptors
      self.threads = threads
    }
  }

  package let at: Instant
  /// Those that ran; a service without a process is missing.
  package let processes: [String: Process]
  /// Bytes that each service's folder and log take on the disk, by the file system's count of blocks.
  package let diskBytes: [String: Int64]
  /// Payments posted since the soak began.
  package let posted: Int

  package init(
    at: Instant, processes: [String: Process], diskBytes: [String: Int64], posted: Int
  ) {
    self.at = at
    self.processes = processes
    self.diskBytes = diskBytes
    self.posted = posted
  }
}
