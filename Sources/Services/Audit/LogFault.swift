package import MerkleLog

/// Why the service does not start: store, files, key and checkpoint do not belong together. Nothing
/// is repaired by guessing; the text says what to restore.
package enum LogFault: Error, Hashable, Sendable {
  /// Another process writes this log.
  case locked
  /// `log.vkey` is not the public half of the key in the store.
  case keyDiffers
  /// The sealed key does not open under the service's keyring, or is not a key.
  case keyUnreadable
  /// The file `checkpoint` is not one that our key signed.
  case checkpoint(Checkpoint.Flaw)
  /// The store knows of a published checkpoint, but the file is gone.
  case checkpointMissing(published: UInt64)
  /// The folder is older than the store: its checkpoint is smaller than the last one published.
  case folderOlder(files: UInt64, published: UInt64)
  /// The store is older than the folder: it has fewer records than the checkpoint covers.
  case storeOlder(records: UInt64, files: UInt64)
  /// The store skips a sequence number.
  case storeGap(index: UInt64)
  /// Records from this one on, some thousands, cannot be read as records.
  case storeUnreadable(from: UInt64)
  /// The log's past was found altered in an earlier life; the text says where.
  case shut(String)
  /// A record is not the one that was hashed.
  case entryDiffers(index: UInt64)
  /// A file is not there, or not what follows from the store.
  case fileMissing(path: String)
  case fileDiffers(path: String)
  /// Store and files agree, but not with the signed root.
  case rootDiffers(size: UInt64)
}

extension LogFault: CustomStringConvertible {
  /// What is wrong and what to do, in one or two sentences.
  package var description: String {
    switch self {
    case .locked: "Another audit process writes this log; stop it first."
    case .keyDiffers:
      "log.vkey is not the key in the store. Restore the log folder and the store from one backup."
    case .keyUnreadable:
      "The checkpoint key cannot be unsealed. Was the sealing keyring of audit replaced?"
    case .checkpoint(let flaw):
      "The file checkpoint is not one we signed (\(flaw)). Restore the log folder from a backup."
    case .checkpointMissing(let size):
      "The file checkpoint is gone; one of \(size) records was published. Restore the log folder."
    case .folderOlder(let files, let published):
      "The log folder ends at \(files) of \(published) published records. Restore a newer folder."
    case .storeOlder(let records, let files):
      "The store has \(records) records, but the checkpoint covers \(files). Restore a newer store."
    case .storeGap(let index): "The store has no record with the sequence number \(index)."
    case .storeUnreadable(let first):
      "The store's records from \(first) on cannot be read. Restore the store."
    case .shut(let reason):
      "The log was shut when its past was compared: \(reason) Restore folder and store from one backup."
    case .entryDiffers(let index): "Record \(index) is not the one that was logged."
    case .fileMissing(let path): "The file \(path) is missing. Restore the log folder."
    case .fileDiffers(let path): "The file \(path) does not follow from the records."
    case .rootDiffers(let size):
      "Store and files agree, but not with the signed root of \(size) records."
    }
  }
}
