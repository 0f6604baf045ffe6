import Notes
import NotesAPI
import TestKit
import Testing
import Vocabulary

@Suite(.onEachStore) struct `The notes service` {
  private static let ada = PersonID(bits: 0xada)
  private static let new = NewNotesEntry(owner: ada, title: "First")

  @Test func `keeps one entry for a key, closes it once, and shows it to its owner`() async throws {
    let house = try await ServiceHouse<NotesService>(source: #filePath)
    let open = NotesOperations.openEntry
    let entry = try await house.call(open, Self.new, as: "operator", key: "a")
    #expect(try await house.call(open, Self.new, as: "operator", key: "a") == entry)
    let (close, path) = (NotesOperations.closeEntry, ["id": "\(entry.id)"])
    let closed = try await house.call(close, Nothing(), path: path, as: "operator", key: "b")
    #expect(closed.state == .closed && closed.openedAt == entry.openedAt)
    await #expect(throws: EntryRefusal.isClosed.problem) {
      try await house.call(close, Nothing(), path: path, as: "operator", key: "c")
    }
    let list = NotesOperations.listEntries
    let own = try await house.call(list, Nothing(), as: house.door, for: Self.ada)
    #expect(own.entries == [closed])
    let other = PersonID(bits: 1)
    #expect(try await house.call(list, Nothing(), as: house.door, for: other).entries == [])
    await #expect(throws: Problem.self) { try await house.call(list, Nothing(), as: house.door) }
    await house.close()
  }

  @Test func `is the same in Swift, in the document and in the charter`() throws {
    let documents = try ContractDocuments(of: "Notes", source: #filePath)
    let contract: Set = [
      ContractDocuments.line(NotesOperations.openEntry),
      ContractDocuments.line(NotesOperations.closeEntry),
      ContractDocuments.line(NotesOperations.listEntries),
    ]
    #expect(documents.charter == contract && documents.openAPI == contract)
    #expect(documents.queryDifferences == [])
  }
}
