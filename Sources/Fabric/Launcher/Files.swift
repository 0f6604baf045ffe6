import DurableFiles
import Glibc

/// What the operating system says an error number means.
package func errorText(_ code: Int32) -> String {
  guard let text = strerror(code) else { return "error \(code)" }
  return String(cString: text)
}

/// Small files, written whole or not at all.
package enum WholeFile {
  /// Largest file read, bytes.
  package static let bytesMax = 64 << 20

  /// Writes a file durably: see `DurableFile`.
  package static func write(
    _ bytes: [UInt8], to path: String, mode: UInt32 = 0o600
  ) throws(LaunchFailure) {
    let permissions = try permissions(of: path, mode: mode)
    do throws(DurableFile.Failure) {
      try DurableFile.write(bytes, to: path, permissions)
    } catch {
      throw LaunchFailure(error)
    }
  }

  /// Puts a draft, with its mode and owner, in the place of a file.
  static func place(_ draft: String, at path: String) throws(LaunchFailure) {
    do throws(DurableFile.Failure) {
      try DurableFile.place(draft, at: path)
    } catch {
      throw LaunchFailure(error)
    }
  }

  /// What root writes into a service's folder is the service's.
  private static func permissions(
    of path: String, mode: UInt32
  ) throws(LaunchFailure) -> DurableFile.Permissions {
    guard geteuid() == 0, let end = path.lastIndex(of: "/") else { return .mode(mode) }
    let name = String(path[..<end])
    var folder = stat()
    guard stat(name, &folder) == 0 else { throw .system(call: "look at \(name)", code: errno) }
    guard ServiceUsers.range.contains(folder.st_uid) else { return .mode(mode) }
    return .given(mode: mode, user: folder.st_uid, group: folder.st_gid)
  }

  /// Nil when the file does not exist.
  package static func read(_ path: String) throws(LaunchFailure) -> [UInt8]? {
    // A pipe in the place of a file would be waited for for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .system(call: "open \(path)", code: errno)
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      throw .system(call: "read \(path), which is no file,", code: EINVAL)
    }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= bytesMax {
      let count = Glibc.read(descriptor, &block, block.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw .system(call: "read \(path)", code: errno)
      }
      bytes += block[..<count]
    }
    throw .system(call: "read \(path)", code: EFBIG)
  }

  /// Names in the folder, sorted, without dot entries; empty when there is no such folder.
  package static func names(in folder: String) -> [String] {
    allNames(in: folder).filter { !$0.hasPrefix(".") }
  }

  /// The same with those that begin with a dot, but for the folder itself and the one above.
  static func allNames(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Makes the folder with mode 0700; what exists must be a folder of ours that nobody else can
  /// enter.
  package static func makePrivateFolder(_ path: String) throws(LaunchFailure) {
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw .badHome(path: path, reason: errorText(errno))
    }
    var state = stat()
    guard lstat(path, &state) == 0 else { throw .badHome(path: path, reason: errorText(errno)) }
    guard state.st_mode & S_IFMT == S_IFDIR else {
      throw .badHome(path: path, reason: "it is not a folder")
    }
    let isOfService = geteuid() == 0 && ServiceUsers.range.contains(state.st_uid)
    guard state.st_uid == geteuid() || isOfService else {
      throw .badHome(path: path, reason: "it belongs to user \(state.st_uid), not to us")
    }
    // A group of services may pass and read (see `HomeOwnership`), nobody else anything.
    let isOfGroup = geteuid() == 0 && ServiceUsers.range.contains(state.st_gid)
    if state.st_mode & (isOfGroup ? 0o027 : 0o077) != 0, chmod(path, 0o700) != 0 {
      throw .badHome(path: path, reason: "others may enter it, and that cannot be changed")
    }
  }
}

extension LaunchFailure {
  init(_ failure: DurableFile.Failure) {
    self = .system(call: "\(failure.call) \(failure.path)", code: failure.code)
  }
}

/// Writes everything or returns false with errno set.
func writeAll(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
  let whole = Array(bytes)
  var written = 0
  while written < whole.count {
    let count = whole[written...].withUnsafeBytes {
      Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    if count < 0 {
      if errno == EINTR { continue }
      return false
    }
    written += count
  }
  return true
}
