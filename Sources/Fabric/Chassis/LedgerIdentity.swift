import Vocabulary

extension Home {
  /// Which store on PostgreSQL the ledger's books are in; there where they are not in a file.
  package var ledgerIdentityFile: String { "\(dataFolder(of: "ledger"))/database-store" }
}
