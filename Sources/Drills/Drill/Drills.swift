/// All drills, in the order in which they run: the flood last, since it uses up what the others need.
package enum Drills {
  package static let all = [
    HopDrill.drill, TokenDrill.drill, ContractDrill.drill, TransactionDrill.drill,
    InsideDrill.drill, MoneyDrill.drill,
    EvidenceDrill.drill, LeakDrill.drill, ImmutableDrill.drill, PolicyDrill.drill,
    SecretDrill.drill, SignInDrill.drill, CutOffDrill.drill, FloodDrill.drill,
  ]

  /// Those that run only where they are named: they harm more than the platform itself.
  package static let onRequest = [DiskDrill.drill]
}
