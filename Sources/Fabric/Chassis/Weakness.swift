/// A defence that a test build can leave out, to show that its drill notices. A release does not know how: it refuses to
/// start from a home that names one.
package enum Weakness: String, Codable, Sendable, Hashable, CaseIterable {
  /// Whoever has a certificate is who it says, whoever signed it and whenever.
  case peerChecks = "peer-checks"
  /// Any workload may call any operation.
  case edgeChecks = "edge-checks"
  /// Outside tokens are believed whoever signed them.
  case tokenSignatures = "token-signatures"
  /// Transaction tokens are believed whoever signed them, for any request and at any time.
  case transactionTokens = "transaction-tokens"
  /// What was revoked stays good.
  case revocations
  /// The same key makes another payment.
  case idempotency
  /// The kernel holds no service: no Landlock, no seccomp, no users of their own.
  case confinement
  /// What goes to addresses that no charter names is counted and let through.
  case addresses
  /// Nobody looks at programs, charters and settings.
  case immutability
  /// The body of every request is logged.
  case discretion
  /// Nobody asks the access policies; any bundle of them is taken, and any text signed.
  case policies
  /// Whoever guesses at a login makes its owner wait, wherever the owner comes from.
  case signInFairness = "sign-in-fairness"
  /// Each refusal of a stranger is a record of its own.
  case countedRefusals = "counted-refusals"
  /// The authority gives any service any secret of the outside.
  case secretNames = "secret-names"
  /// New work is taken until the last byte is written.
  case diskReserve = "disk-reserve"
  /// The door lets in what is well formed, whether or not a contract names it.
  case contracts
  /// The audit log is taken for sound without a look.
  case verification
}

extension Platform {
  /// Whether this defence is left out; never in a release.
  package func lacks(_ weakness: Weakness) -> Bool {
    #if DEBUG
      weakened?.contains(weakness) == true
    #else
      false
    #endif
  }

  /// - Throws: `StartFailure` when a defence is left out and this is a release.
  func requireAllDefences() throws(StartFailure) {
    #if !DEBUG
      guard weakened?.isEmpty ?? true else {
        throw StartFailure(
          "platform.json leaves defences out, which only a test build may do",
          hint: "remove the field weakened")
      }
    #endif
  }
}
