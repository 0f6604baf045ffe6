/// What is wrong with a log, by name and place.
package enum LogFinding: Error, Hashable, Sendable {
  /// There is no checkpoint, or what is there is not one that the key signed.
  case checkpointMissing
  case checkpoint(Checkpoint.Flaw)
  case olderCheckpoint(Checkpoint.Flaw)
  /// A file that the checkpoint's size needs is not there.
  case fileMissing(path: String)
  /// A file has another length, or another inner form, than its name promises.
  case fileMalformed(path: String)
  /// An entry is not the one that was hashed when it was logged.
  case entryAltered(index: UInt64)
  /// The entry that was logged here is gone; later ones moved up.
  case entryDropped(index: UInt64)
  /// An entry stands here that was never logged; later ones moved down.
  case entryInserted(index: UInt64)
  /// The entries that were logged are here, from this place on in another order.
  case entriesReordered(index: UInt64)
  /// A tile does not follow from the tiles below it.
  case tileDiffers(path: String)
  /// All files agree with each other, but not with what the log signed.
  case rootDiffers(size: UInt64)
  /// The log is shorter than it once said: entries were taken away at the end.
  case rolledBack(from: UInt64, to: UInt64)
  /// The log at the older size is another than it once said: history was rewritten.
  case forked(size: UInt64)
}

extension LogFinding: CustomStringConvertible {
  /// One plain sentence.
  package var description: String {
    switch self {
    case .checkpointMissing: "There is no checkpoint."
    case .checkpoint(let flaw): "The checkpoint is not to be believed: \(flaw)."
    case .olderCheckpoint(let flaw): "The older checkpoint is not to be believed: \(flaw)."
    case .fileMissing(let path): "The file \(path) is missing."
    case .fileMalformed(let path): "The file \(path) is not what its name promises."
    case .entryAltered(let index): "Entry \(index) was altered after it was logged."
    case .entryDropped(let index): "Entry \(index) was taken out after it was logged."
    case .entryInserted(let index): "Entry \(index) was put in; it was never logged."
    case .entriesReordered(let index): "Entries were put in another order, from \(index) on."
    case .tileDiffers(let path): "The hashes in \(path) do not follow from those below."
    case .rootDiffers(let size):
      "The files agree with each other but not with the signed root of \(size) entries."
    case .rolledBack(let from, let to):
      "The log was rolled back: it once had \(from) entries, now it says \(to)."
    case .forked(let size):
      "History was rewritten: the first \(size) entries are not those of then."
    }
  }
}
