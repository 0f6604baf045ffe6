import Charters
import Foundation
import Launcher
import OperatorCommands
import Testing

/// Where a program finds the checkout that it belongs to.
@Suite struct `The checkout of a build` {
  @Test func `is found from the build by a launcher that runs from its copy elsewhere`() throws {
    let scratch = try Scratch()
    let (checkout, build) = ("\(scratch.path)/checkout", "\(scratch.path)/checkout/.build/debug")
    for folder in [build, "\(checkout)/Charters", "\(scratch.path)/elsewhere"] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try "".write(
      toFile: "\(checkout)/Charters/\(DataClasses.fileName)", atomically: true, encoding: .utf8)
    let elsewhere = "\(scratch.path)/elsewhere"
    #expect(try chartersFolder(nil, from: elsewhere, near: build) == checkout)
    #expect(try chartersFolder(nil, from: "\(checkout)/Charters", near: elsewhere) == checkout)
    #expect(throws: LaunchFailure.self) {
      try chartersFolder(nil, from: elsewhere, near: "\(scratch.path)/home/executables")
    }
  }
}
