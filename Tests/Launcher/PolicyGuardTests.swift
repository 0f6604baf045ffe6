import Chassis
import Foundation
import Launcher
import PolicyBundles
import TestKit
import Testing
import Vocabulary

@Suite struct `The guard of access policies` {
  private typealias Post = `The guard`.Post

  private func release(_ version: Int) throws -> [UInt8] {
    try TestPolicies.release(TestPolicies.shipped.get(), version: version)
  }

  private func bundle(_ post: Post) throws -> [UInt8]? {
    try WholeFile.read(post.home.policyBundleFile)
  }

  @Test func `keeps a newer version that the organisation signed`() throws {
    let post = try Post()
    let second = try release(2)
    try TestPolicies.put(second, into: post.home)
    #expect(post.guarded.look().isEmpty)
    #expect(post.told.words == ["policy/bundle.tar.gz content-changed published"])
    #expect(try bundle(post) == second)
    // From now on that is the one to put back.
    try Data("evil".utf8).write(to: URL(filePath: post.home.policyBundleFile))
    #expect(post.guarded.look().isEmpty)
    #expect(try bundle(post) == second)
  }

  @Test func `puts back what is unsigned, older, or signed with another key`() throws {
    let post = try Post()
    let second = try release(2)
    try TestPolicies.put(second, into: post.home)
    #expect(post.guarded.look().isEmpty)
    var changed = try release(3)
    changed[changed.count / 2] ^= 1
    for bytes in [changed, try release(1), Array("evil".utf8)] {
      try TestPolicies.put(bytes, into: post.home)
      #expect(post.guarded.look().isEmpty)
      #expect(try bundle(post) == second)
    }
    let key = post.text(post.home.policyKeyFile)
    try Data("another key".utf8).write(to: URL(filePath: post.home.policyKeyFile))
    try TestPolicies.put(Array("signed with it".utf8), into: post.home)
    #expect(post.guarded.look().isEmpty)
    #expect(try bundle(post) == second && post.text(post.home.policyKeyFile) == key)
    #expect(post.told.words.suffix(5).allSatisfy { $0.hasSuffix("reverted") })
  }

  @Test func `does the same for what was changed while nothing ran`() throws {
    let post = try Post()
    func inspect() -> [String] {
      var inspection = Inspection(
        KnownGood(post.home), at: Clock.system.now(), randomness: .system)
      inspection.lookAtFiles()
      return inspection.events.map { "\($0.file) \($0.outcome.rawValue)" }
    }
    let first = try bundle(post)
    try TestPolicies.put(Array("evil".utf8), into: post.home)
    try Data("another key".utf8).write(to: URL(filePath: post.home.policyKeyFile))
    #expect(inspect() == ["policy/key.pem reverted", "policy/bundle.tar.gz reverted"])
    #expect(try bundle(post) == first)
    let second = try release(2)
    try TestPolicies.put(second, into: post.home)
    #expect(inspect() == ["policy/bundle.tar.gz published"])
    #expect(try bundle(post) == second)
  }
}
