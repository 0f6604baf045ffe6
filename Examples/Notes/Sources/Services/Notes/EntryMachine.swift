package import NotesAPI
package import Vocabulary

/// An entry's way, decided and nothing else: told what happened, it says what the entry is then.
package struct EntryMachine: Hashable, Sendable {
  package enum Event: Hashable, Sendable { case closed }
  package private(set) var state: NotesEntry.State
  package init(_ state: NotesEntry.State) { self.state = state }

  package mutating func handle(_ event: Event) throws(EntryRefusal) {
    switch (state, event) {
    case (.open, .closed): state = .closed
    case (.closed, .closed): throw .isClosed
    }
  }
}

/// Why nothing becomes of what was asked, in the order of checking.
package enum EntryRefusal: Refusal, Hashable {
  case isClosed
  package var problem: Problem {
    Problem("entry-closed", 409, "The entry is closed", kind: .over)
  }
}
