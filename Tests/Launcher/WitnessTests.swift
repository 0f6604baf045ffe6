import Foundation
import Testing
import Workload

@Suite struct `The launcher as a witness` {
  @Test func `tells its one asker what the kernel says`() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/witness.sock"
    let witness = try #require(Witness(path: path))
    defer { witness.stop() }
    let (told, kernel) = (ProcessView.witness(path), ProcessView.kernel())
    #expect(told.look(getpid()) == nil, "nobody may ask yet")
    witness.serve(getpid())
    #expect(told.look(getpid()) == kernel.look(getpid()))
    #expect(told.digest(getpid()) == kernel.digest(getpid()))
    #expect(told.digest(getpid())?.count == 64)
    #expect(told.look(Int32.max) == nil && told.digest(0) == nil)
    witness.serve(1)
    #expect(told.look(getpid()) == nil && told.digest(getpid()) == nil)
  }

  @Test func `says nothing when it is gone`() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/witness.sock"
    let witness = try #require(Witness(path: path))
    witness.serve(getpid())
    witness.stop()
    #expect(ProcessView.witness(path).look(getpid()) == nil)
    #expect(Witness(path: "\(scratch.path)/no/such/folder.sock") == nil)
  }
}
