import Foundation
import Testing

/// `swift format` decides about layout, so that nobody has to.
@Suite struct `The layout` {
  @Test func `is what swift format makes of it`() throws {
    let found = try findings(["-r", "Sources", "Tests", "Package.swift"])
    #expect(found.status == 0, "\(found.text)")
  }

  @Test func `is seen to be another`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "Layout-\(getpid()).swift")
    try "let  far   = 1\n".write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let found = try findings([file.path(percentEncoded: false)])
    #expect(found.status != 0)
    #expect(found.text.contains("[Spacing]"))
  }

  private func findings(_ files: [String]) throws -> (status: Int32, text: String) {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "swift", "format", "lint", "--strict", "--parallel",
      "--configuration", Checkout.root.appending(path: ".swift-format").path(percentEncoded: false),
    ]
    process.arguments? += files
    process.currentDirectoryURL = Checkout.root
    process.standardError = output
    try process.run()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
  }
}
