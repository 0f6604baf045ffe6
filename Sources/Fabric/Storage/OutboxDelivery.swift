import Dispatch
package import Telemetry
package import Vocabulary

/// What a receiver made of a batch.
package enum DeliveryOutcome: Sendable {
  /// It has all of them, now or since an earlier time.
  case taken
  /// It will never take these: they are set aside for people to look at. The others were taken.
  case refused(ids: Set<String>, reason: String)
  /// Not known, or busy: the same batch comes again.
  case unreachable
}

/// Delivers one topic of an outbox, in order, until its task is cancelled. The only part that
/// waits.
package struct OutboxDelivery: Sendable {
  let outbox: Outbox
  let topic: String
  let batchMax: Int
  let linger: Duration
  let clock: Clock
  let randomness: Randomness
  let log: Log
  let send: @Sendable ([OutboxMessage]) async -> DeliveryOutcome

  /// - Parameters:
  ///   - batchMax: messages in one call of `send`, `OutboxBundle.messagesMax`–`Outbox.batchMax`.
  ///   - linger: how long a message waits for others, so that a busy service does not pay a call and a commit for each;
  ///     where a batch is full already, it does not wait.
  ///   - send: hands a batch to the receiver; must be harmless when it comes twice.
  package init(
    _ outbox: Outbox, topic: String, batchMax: Int = 500, linger: Duration = .zero, clock: Clock,
    randomness: Randomness,
    log: Log, send: @escaping @Sendable ([OutboxMessage]) async -> DeliveryOutcome
  ) {
    self.outbox = outbox
    self.topic = topic
    self.batchMax = max(1, min(batchMax, Outbox.batchMax))
    self.linger = linger
    self.clock = clock
    self.randomness = randomness
    self.log = log
    self.send = send
  }

  /// Runs until the task is cancelled or the store closed.
  package func run() async {
    var machine = DeliveryMachine()
    for await _ in outbox.signals() {
      do {
        var action = try machine.handle(.appended)
        while !Task.isCancelled, action != .nothing {
          switch action {
          case .deliver:
            if linger > .zero, outbox.pendingCount < batchMax {
              try await Task.sleep(for: linger)
            }
            action = try machine.handle(await deliver())
          case .wake(let instant):
            let span = instant - clock.now()
            if span > .zero { try await Task.sleep(for: span) }
            action = try machine.handle(.due(at: clock.now()))
          case .nothing: break
          }
        }
      } catch is CancellationError {
        return
      } catch {
        // The machine and this loop disagree: begin again rather than stop delivering for ever.
        log.error("outbox delivery out of order", ["topic": .identifier(topic)])
        machine = DeliveryMachine()
      }
    }
  }

  private func deliver() async -> DeliveryMachine.Event {
    let unreachable = {
      DeliveryMachine.Event.unreachable(at: clock.now(), random: randomness.next())
    }
    do {
      let batch = try await outbox.batch(of: topic, limit: batchMax)
      if let damaged = batch.damaged {
        try await outbox.setAside(damaged, of: topic, at: clock.now())
        log.error(
          "a row of the outbox does not hold the messages it says, and was set aside",
          ["topic": .identifier(topic), "row": .count(damaged.row.sequence)])
        return .settled(wasFull: true)
      }
      guard !batch.messages.isEmpty else { return .settled(wasFull: false) }
      switch await send(batch.messages) {
      case .taken:
        try await outbox.settle(batch, at: clock.now())
      case .refused(let ids, let reason):
        try await outbox.settle(batch, refused: ids, reason: reason, at: clock.now())
        log.error(
          "outbox messages refused for good and set aside",
          ["topic": .identifier(topic), "messages": .count(ids.count)])
      case .unreachable:
        return unreachable()
      }
      return .settled(wasFull: batch.isFull)
    } catch {
      log.warning(
        "outbox not readable just now",
        ["topic": .identifier(topic), "error": .text(String(describing: error))])
      return unreachable()
    }
  }
}
