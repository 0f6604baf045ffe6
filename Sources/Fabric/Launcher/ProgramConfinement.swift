package import Charters
import Chassis
import Glibc
package import Sandbox

/// How the launcher confines somebody else's program: more tightly than code of ours. It reads its
/// own folder and the system's libraries, keeps what it likes in one folder, and reaches nobody but
/// its sidecar: no TCP port, and no socket that is not a Unix one.
extension ServiceConfinement {
  /// What the stage is to do to become the program of this charter.
  /// - Throws: `notConfined` where the program could read the platform's own state; `badHome` where
  ///   its sockets' paths are too long.
  package func programPlan(
    for charter: Charter, running executable: ExecutableFile
  ) throws(LaunchFailure) -> StagePlan {
    guard let program = charter.program else {
      throw .notConfined(name: "\(charter.service)", reason: "its charter names no program")
    }
    // sun_path of unix(7) holds 108 bytes with the final zero.
    guard home.serveSocket(of: charter.service).utf8.count <= 107 else {
      throw .badHome(
        path: home.path,
        reason: "its path is too long for a program's socket; choose a shorter --home"
      )
    }
    let readable = Self.readable(by: program, of: charter, running: executable.path)
    if let place = readable.first(where: { holds($0, home.path) }) {
      throw .notConfined(
        name: "the program of \(charter.service)",
        reason: "it may read \(place), which holds the platform's state (\(home.path))")
    }
    let folder = home.programFolder(of: charter.service)
    let places =
      Confinement.system(libraries: []) + readable.map { Confinement.Place($0, .read) } + [
        Confinement.Place(executable.path, .execute), Confinement.Place("/proc/self", .read),
        Confinement.Place(folder, .serve),
      ]
    return StagePlan(
      executable: executable.path, arguments: program.command, folder: charter.folder,
      confinement: Confinement(
        places: places, bindPorts: [], connectPorts: [], resolvesNames: false,
        limits: confinement(of: charter, running: executable.path).limits,
        user: programUser(of: charter), code: .program), machine: machine)
  }

  /// What the program finds in its environment, `NAME=value`: where it listens, whom it calls through.
  package func programVariables(of charter: Charter) -> [String] {
    let folder = home.programFolder(of: charter.service)
    return [
      "STRONGROOM_SERVICE=\(charter.service)",
      "STRONGROOM_SERVE=\(home.serveSocket(of: charter.service))",
      "STRONGROOM_CALL=\(home.callSocket(of: charter.service))",
      "HOME=\(folder)", "TMPDIR=\(folder)",
    ]
  }

  /// Its own folder, the libraries beside its executable (`bin` and `lib` below one prefix), and what
  /// the charter adds.
  static func readable(
    by program: CharterProgram, of charter: Charter, running executable: String
  ) -> [String] {
    let parts = executable.split(separator: "/")
    let isInstalled = parts.count > 2 && parts[parts.count - 2] == "bin"
    let libraries = isInstalled ? ["/" + parts.dropLast(2).joined(separator: "/") + "/lib"] : []
    return [charter.folder] + libraries + program.readable
  }

  private func holds(_ folder: String, _ path: String) -> Bool {
    let folder = resolved(folder)
    let path = resolved(path)
    return path == folder || path.hasPrefix(folder == "/" ? "/" : folder + "/")
  }

  private func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  func programUser(of charter: Charter) -> Confinement.User? {
    guard hasOwnUsers, let port = charter.port else { return nil }
    return ServiceUsers.programUser(
      port: port + platform.portOffset, portOffset: platform.portOffset)
  }

  /// Makes the folder in which a program and its sidecar meet. With users of their own it is the
  /// program's, and the group, which is these two, may do there what the program may.
  func settleProgramFolder(of charter: Charter) throws(LaunchFailure) {
    let folder = home.programFolder(of: charter.service)
    let owner = programUser(of: charter)
    try WholeFile.makePrivateFolder(home.programsFolder)
    if geteuid() == 0 {
      guard lchown(home.programsFolder, 0, passers ?? 0) == 0,
        chmod(home.programsFolder, owner == nil ? 0o700 : 0o710) == 0
      else { throw .badHome(path: home.programsFolder, reason: errorText(errno)) }
    }
    // Set-group-id: the sidecar's socket is of the folder's group, too.
    let mode: UInt32 = owner == nil ? 0o700 : 0o2770
    if let facts = FileFacts(at: folder), facts.isFolder, facts.mode == mode,
      facts.user == owner?.user ?? geteuid(), facts.group == owner?.group ?? facts.group
    {
      return
    }
    try WholeFile.makePrivateFolder(folder)
    if geteuid() == 0 {
      try HomeOwnership.give(folder, user: owner?.user ?? 0, group: owner?.group ?? 0)
    }
    guard chmod(folder, mode) == 0 else { throw .badHome(path: folder, reason: errorText(errno)) }
  }
}

extension Charter {
  /// Where its file was read from: a program's own folder.
  var folder: String {
    file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
  }

  /// Files that a program opens as its own user: those of its command that lie in its folder.
  var programFiles: [String] {
    guard let program else { return [] }
    return program.command.dropFirst().map { $0.hasPrefix("/") ? $0 : "\(folder)/\($0)" }
      .filter { WholeFile.exists($0) }
  }
}
