package import Chassis
package import Charters
package import Telemetry
package import Vocabulary
package import Workload

extension Launcher {
  /// What the launcher needs from outside.
  package struct Parts: Sendable {
    package let home: Home
    package let charters: CharterSet
    /// Folder of the `strongroom-<service>` executables that are run.
    package let binaries: String
    /// Ours; children get a few names of it only.
    package let environment: [String: String]
    package let clock: Clock
    package let log: Log
    /// How services are held; nil leaves them free, for tests of what is not confinement.
    package let confinement: ServiceConfinement?
    /// Looks at what is to be started; nil starts what lies there, for tests of what is not the
    /// guard.
    package let immutableGuard: ImmutableGuard?
    /// For the authority, at each of its starts; nil where the root key lies open in the home.
    package let rootKey: HandedRootKey?
    /// Tells a confined authority what processes execute.
    package let witness: Witness?
    /// Asks a service, over mutual TLS as the operator, whether it is ready. Throws when it cannot
    /// be asked.
    package let isReady: @Sendable (ServiceName) async throws -> Bool
    /// Asks a service that was ready whether it still answers, see `Liveness`.
    package let answers: @Sendable (ServiceName) async -> Liveness.Answer
    /// Between two such questions.
    package let livenessPause: Duration
    package let report: @Sendable (LauncherEvent) -> Void

    package init(
      home: Home, charters: CharterSet, binaries: String, environment: [String: String],
      clock: Clock, log: Log, confinement: ServiceConfinement? = nil,
      immutableGuard: ImmutableGuard? = nil, rootKey: HandedRootKey? = nil,
      witness: Witness? = nil,
      isReady: @escaping @Sendable (ServiceName) async throws -> Bool,
      answers: @escaping @Sendable (ServiceName) async -> Liveness.Answer = { _ in .unknown },
      livenessPause: Duration = Liveness.pause,
      report: @escaping @Sendable (LauncherEvent) -> Void
    ) {
      self.home = home
      self.charters = charters
      self.binaries = binaries
      self.environment = environment
      self.clock = clock
      self.log = log
      self.confinement = confinement
      self.immutableGuard = immutableGuard
      self.rootKey = rootKey
      self.witness = witness
      self.isReady = isReady
      self.answers = answers
      self.livenessPause = livenessPause
      self.report = report
    }
  }
}
