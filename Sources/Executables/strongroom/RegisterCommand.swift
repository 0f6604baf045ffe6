import ArgumentParser
import Chassis
import Commands
import CustomersAPI
import Foundation
import IdentityAPI
import Launcher
import OperatorCommands
import StrictJSON
import Transport
import Vocabulary

struct RegisterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "register", abstract: "Clients, people and their details, from JSON files.",
    subcommands: [
      RegisterClientCommand.self, RegisterPersonCommand.self, RegisterCustomerCommand.self,
    ])
}

/// Where the JSON comes from: a file or standard input, never the command line, which other users can read.
struct DocumentOptions: ParsableArguments {
  @OptionGroup var place: PlaceOptions

  @Argument(help: "JSON file; '-' or nothing reads standard input.")
  var file = "-"

  static let bytesMax = 65_536

  /// - Throws: `OperatorFailure` for a file that cannot be read, or does not keep the contract.
  func read<T: Decodable>(_ type: T.Type) throws -> T { try Self.read(type, from: file) }

  /// The same of any file; '-' is standard input.
  static func read<T: Decodable>(_ type: T.Type, from file: String) throws -> T {
    let handle: FileHandle
    if file == "-" {
      handle = .standardInput
    } else {
      guard let opened = FileHandle(forReadingAtPath: file) else {
        throw OperatorFailure("'\(file)' cannot be read", .noInput)
      }
      handle = opened
    }
    let data = try handle.read(upToCount: bytesMax + 1) ?? Data()
    guard data.count <= bytesMax else {
      throw OperatorFailure("more than \(bytesMax) bytes", .badInput)
    }
    do {
      return try StrictJSON.decode(type, from: Array(data))
    } catch {
      let at = error.pointer.isEmpty ? "" : " at \(error.pointer)"
      throw OperatorFailure("the document is not as it must be\(at): \(error.reason)", .badInput)
    }
  }
}

extension PlaceOptions {
  /// Sends the input over the operator's own line and prints the receipt.
  func send<Input: Encodable & Sendable, Output: Decodable & Encodable & Sendable>(
    _ input: Input, to operation: Vocabulary.Operation<Input, Output>, path: [String: String] = [:]
  ) async throws {
    let receipt = try await ask(operation, input, path: path)
    print(LegibleText.ofJSON(String(decoding: try StrictJSON.encode(receipt), as: UTF8.self)))
  }

  /// One call over the operator's own line.
  /// - Throws: `OperatorFailure` with what the service said, and of which field.
  func ask<Input: Encodable & Sendable, Output: Decodable & Sendable>(
    _ operation: Vocabulary.Operation<Input, Output>, _ input: Input, path: [String: String] = [:],
    query: [String: String] = [:]
  ) async throws -> Output {
    let (_, _, line) = try running()
    let correlation = hexText(Randomness.system.bits128() | 1, digits: 32)
    let answer = try await line.send(
      operation.method,
      PathFilling.fill(operation.path, with: path) + QueryFilling.text(query),
      to: operation.service,
      headers: [Header.correlation: correlation, "content-type": "application/json"],
      body: operation.method == .get ? [] : try StrictJSON.encode(input), within: .seconds(30))
    guard answer.status < 300 else {
      throw OperatorFailure.refused(by: operation.service, answer.status, answer.body)
    }
    return try StrictJSON.decode(Output.self, from: answer.body)
  }
}

struct RegisterClientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client", abstract: "An OAuth client.",
    discussion: """
      {"id":"<uuid>","name":"Book-keeping","kind":"public",
       "grants":["authorization_code"],"scopes":["openid","accounts:read"],
       "redirect_uris":["http://127.0.0.1/callback"]}

      A confidential client has "kind":"confidential" and its public "keys" (JWK). Safe to repeat.
      """)
  @OptionGroup var document: DocumentOptions

  func run() async throws {
    try await reporting(json: document.place.json) {
      try await document.place.send(
        document.read(NewClient.self), to: IdentityOperations.registerClient)
    }
  }
}

struct RegisterPersonCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "person", abstract: "Somebody who can sign in.",
    discussion: """
      {"id":"<uuid>","login":"ada@example.org","password":"…"}

      From a file or a pipe, so that the password is on no command line. Safe to repeat.
      """)
  @OptionGroup var document: DocumentOptions

  func run() async throws {
    try await reporting(json: document.place.json) {
      try await document.place.send(
        document.read(NewPerson.self), to: IdentityOperations.createPerson)
    }
  }
}

struct RegisterCustomerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "customer", abstract: "Who a person is.",
    discussion: """
      {"id":"<uuid>","given_name":"Ada","family_name":"Byron",
       "email":"ada@example.org","phone":"+441632960001","birth_date":"1985-12-10",
       "address":{"lines":["12 St James's Square"],"city":"London","country":"GB"}}

      Kept sealed by the customers service, and nowhere else. Safe to repeat.
      """)
  @OptionGroup var document: DocumentOptions

  func run() async throws {
    try await reporting(json: document.place.json) {
      try await document.place.send(
        document.read(NewCustomer.self), to: CustomersOperations.createCustomer)
    }
  }
}
