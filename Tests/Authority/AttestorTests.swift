import Authority
import Chassis
import Crypto
import Foundation
import Testing
import Vocabulary
import Workload

/// A launch folder with one record about this very test process, to be bent.
private struct Launchpad {
  let folder = NSTemporaryDirectory() + "launch-\(UUID().uuidString.prefix(8))"
  let me = PeerCredentials(pid: getpid(), uid: getuid(), gid: getgid())
  let executable: String
  let sha256: String
  let ticks: UInt64

  init() throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    sha256 = hexText(SHA256.hash(data: try Data(contentsOf: URL(filePath: executable))))
    let stat = try String(contentsOfFile: "/proc/self/stat", encoding: .utf8)
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    ticks = try #require(UInt64(fields[19]))
  }

  func write(
    _ service: String = "payments", pid: Int32? = getpid(), ticks: UInt64? = nil,
    executable: String? = nil, sha256: String? = nil, uid: UInt32 = getuid(), name: String? = nil,
    mode: Int = 0o600
  ) throws {
    let process = pid.map { "\"pid\":\($0),\"pid_start_ticks\":\(ticks ?? self.ticks)," } ?? ""
    let text = """
      {"service":"\(service)",\(process)"executable":"\(executable ?? self.executable)",\
      "sha256":"\(sha256 ?? self.sha256)","uid":\(uid),"started_at":"2026-11-21T08:00:00.000000Z"}
      """
    let path = "\(folder)/\(name ?? service).json"
    try Data(text.utf8).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  func attest(_ peer: PeerCredentials? = nil) -> Result<Attestor.Workload, AttestationRefusal> {
    Result { () throws(AttestationRefusal) in
      try Attestor(
        folder: folder, launched: ["payments", "ledger"],
        others: ["payments", "ledger", "operator"]
      ).attest(peer ?? me)
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

@Suite struct `Attestation` {
  @Test func `knows the process that the launcher started`() throws {
    let pad = try Launchpad()
    try pad.write()
    #expect(try pad.attest().get().service == "payments")
    pad.remove()
  }

  @Test func `knows a process whose file was replaced while it runs, by its record alone`() throws {
    let pad = try Launchpad()
    let (executable, sha256, ticks) = (pad.executable, pad.sha256, pad.ticks)
    let view = ProcessView(
      look: { _ in ProcessFacts(startTicks: ticks, executable: "\(executable) (deleted)") },
      digest: { _ in sha256 })
    func attest() -> Result<Attestor.Workload, AttestationRefusal> {
      Result { () throws(AttestationRefusal) in
        try Attestor(folder: pad.folder, launched: ["payments"], view: view).attest(pad.me)
      }
    }
    try pad.write()
    #expect(try attest().get().service == "payments")
    // Its digest still decides.
    try pad.write(sha256: String(repeating: "0", count: 64))
    #expect(attest() == .failure(.wrongExecutable))
    try FileManager.default.removeItem(atPath: "\(pad.folder)/payments.json")
    try pad.write("robot", pid: nil)
    #expect(attest() == .failure(.noRecord))
    pad.remove()
  }

  @Test func `refuses every process that differs in one thing`() throws {
    let zeros = String(repeating: "0", count: 64)
    let table: [(String, AttestationRefusal, (Launchpad) throws -> Void)] = [
      ("nothing recorded", .noRecord, { _ in }),
      ("another start time", .noRecord, { try $0.write(ticks: $0.ticks + 1) }),
      ("another process", .noRecord, { try $0.write(pid: 1) }),
      ("another user", .wrongUser, { try $0.write(uid: getuid() + 1) }),
      ("another build", .wrongExecutable, { try $0.write(sha256: zeros) }),
      ("another program", .wrongExecutable, { try $0.write(executable: "/bin/true") }),
      ("a record that others may write", .noRecord, { try $0.write(mode: 0o622) }),
      ("a record under another name", .noRecord, { try $0.write(name: "ledger") }),
      (
        "a folder that others may enter", .recordsUnsafe,
        {
          try $0.write()
          try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: $0.folder)
        }
      ),
      ("a registration for a launched service", .noRecord, { try $0.write(pid: nil) }),
      (
        "a registration of another build", .wrongExecutable,
        { try $0.write("robot", pid: nil, sha256: zeros) }
      ),
      (
        "two registrations of one program", .ambiguous,
        {
          try $0.write("robot", pid: nil)
          try $0.write("android", pid: nil)
        }
      ),
    ]
    for (what, refusal, prepare) in table {
      let pad = try Launchpad()
      try prepare(pad)
      #expect(pad.attest() == .failure(refusal), "\(what)")
      pad.remove()
    }
  }

  @Test func `knows every process of a registered program and user`() throws {
    let pad = try Launchpad()
    try pad.write("robot", pid: nil)
    #expect(try pad.attest().get().service == "robot")
    pad.remove()
  }

  @Test(arguments: LaunchFolder.OperatorProgram.allCases)
  func `knows the operator's programs, each by a record of its own`(
    program: LaunchFolder.OperatorProgram
  ) throws {
    let pad = try Launchpad()
    try pad.write("operator", pid: nil, executable: "/bin/true")
    #expect(pad.attest() == .failure(.noRecord))
    try pad.write("operator", pid: nil, name: "operator.\(program.rawValue)")
    #expect(try pad.attest().get().service == "operator")
    pad.remove()
  }

  @Test func `believes no other record of the operator, and none of a service in his name`() throws
  {
    for (name, service) in [
      ("operator.evil", "operator"), ("operator.lab", "robot"), ("robot.lab", "robot"),
      ("payments.lab", "payments"), ("robot", "operator"),
    ] {
      for pid in [nil, getpid()] {
        let pad = try Launchpad()
        try pad.write(service, pid: pid, name: name)
        #expect(pad.attest() == .failure(.noRecord), "\(service) in \(name).json")
        pad.remove()
      }
    }
  }

  @Test func `refuses a process that does not exist, or that the kernel does not name`() throws {
    let pad = try Launchpad()
    try pad.write()
    for pid in [Int32(0), -1, .max] {
      #expect(pad.attest(PeerCredentials(pid: pid, uid: 0, gid: 0)) == .failure(.noProcess))
    }
    pad.remove()
  }

  @Test func `knows the platform's own whatever lies beside their records`() throws {
    let pad = try Launchpad()
    try pad.write()
    // Sorted before it, in the order of names, and more than are read.
    for number in 0...LaunchFolder.registrationsMax {
      try pad.write("a-\(number)", pid: nil, executable: "/bin/true")
    }
    #expect(try pad.attest().get().service == "payments")
    pad.remove()
  }

  @Test func `reads 256 registrations, and lets one more harm only the last`() throws {
    let pad = try Launchpad()
    for number in 1..<LaunchFolder.registrationsMax {
      try pad.write("other-\(number)", pid: nil, executable: "/bin/true")
    }
    try pad.write("robot", pid: nil)
    #expect(try pad.attest().get().service == "robot")
    try pad.write("zebra", pid: nil, executable: "/bin/true")
    #expect(try pad.attest().get().service == "robot")
    try pad.write("aardvark", pid: nil, executable: "/bin/true")
    #expect(pad.attest() == .failure(.noRecord))
    pad.remove()
  }
}
