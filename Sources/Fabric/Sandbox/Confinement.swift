/// What one process may touch: everything else is refused by the kernel. A value; `Stage` enforces
/// it on itself and then becomes the process.
package struct Confinement: Hashable, Sendable, Codable {
  /// What may be done with a file, or with everything below a folder.
  package enum Use: String, Sendable, Codable, CaseIterable {
    /// Reading and listing; a place that does not exist is passed over.
    case read
    /// Executing and reading one file.
    case execute
    /// The same for a dynamic loader; one that does not exist is passed over.
    case load
    /// A device to read from and write to.
    case device
    /// Everything with files and folders.
    case keep
    /// `keep`, and making Unix sockets.
    case serve
  }
  /// A file or folder.
  package struct Place: Hashable, Sendable, Codable {
    /// Absolute; links are followed once, when the process is confined.
    package let path: String
    package let use: Use
    package init(_ path: String, _ use: Use) {
      self.path = path
      self.use = use
    }
  }
  /// Limits by setrlimit(2), soft and hard alike, so that the process cannot lift them. Core files
  /// are always forbidden: they would hold keys.
  package struct Limits: Hashable, Sendable, Codable {
    /// File descriptors, from 1.
    package let openFiles: Int
    /// Writable private memory in bytes (RLIMIT_DATA): heap, stacks, reserves.
    package let dataBytes: Int
    /// Threads and processes of its user; nil where the user is not its own.
    package let processes: Int?
    package init(openFiles: Int, dataBytes: Int, processes: Int? = nil) {
      self.openFiles = openFiles
      self.dataBytes = dataBytes
      self.processes = processes
    }
  }
  /// A user of the process's own; nobody has to know it by name.
  package struct User: Hashable, Sendable, Codable {
    package let user: UInt32
    package let group: UInt32
    /// Further groups, for what it shares with others.
    package let also: [UInt32]
    package init(user: UInt32, group: UInt32, also: [UInt32] = []) {
      self.user = user
      self.group = group
      self.also = also
    }
  }
  /// Whose code it is, which decides the system calls it may make.
  package enum Code: String, Sendable, Codable, CaseIterable {
    /// A service of ours.
    case service
    /// A program of somebody else's behind a sidecar: no sockets but Unix ones.
    case program
  }

  package let places: [Place]
  /// TCP ports to listen at, and to connect to at whatever address (Landlock names ports only).
  package let bindPorts: [Int]
  package let connectPorts: [Int]
  /// Whether it looks up outside names, which takes UDP.
  package let resolvesNames: Bool
  package let limits: Limits
  /// Nil: it stays the launcher's user.
  package let user: User?
  package let code: Code

  package init(
    places: [Place], bindPorts: [Int], connectPorts: [Int], resolvesNames: Bool, limits: Limits,
    user: User?, code: Code = .service
  ) {
    self.places = places
    self.bindPorts = bindPorts
    self.connectPorts = connectPorts
    self.resolvesNames = resolvesNames
    self.limits = limits
    self.user = user
    self.code = code
  }

  /// Ports below 1,024 take a capability, the only one a process may keep.
  var bindsPrivilegedPort: Bool { bindPorts.contains { $0 < 1_024 } }

  /// What a service of ours reads besides its own.
  /// - Parameter libraries: folders of shared libraries besides the system's.
  package static func common(libraries: [String]) -> [Place] {
    // libdispatch watches its threads at /proc/TID, which lies below no folder of its own. What is
    // private to another process there is kept by Landlock's rule on tracing.
    system(libraries: libraries) + [Place("/proc", .read)]
  }

  /// Libraries, time zones and the few files that every program on this system reads.
  package static func system(libraries: [String]) -> [Place] {
    let read =
      ["/usr/lib", "/lib", "/lib64", "/usr/lib64"] + libraries + [
        "/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/hosts", "/etc/localtime",
        "/usr/share/zoneinfo", "/dev/urandom", "/sys/devices/system/cpu",
      ]
    // The dynamic loader is what the kernel really executes first.
    let loaders = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
    return read.map { Place($0, .read) } + loaders.map { Place($0, .load) }
      + [Place("/dev/null", .device)]
  }

  /// What looking up names and verifying public certificates takes besides.
  package static let outside = [
    "/etc/resolv.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/ssl",
  ].map { Place($0, .read) }
}
