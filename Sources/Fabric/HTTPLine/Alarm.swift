import NIOCore
import Vocabulary

/// Rings when a moment has come, unless it was put off before. The timer below may look too early and is then set
/// again: so a request that is answered in time sets no timer, only this value.
/// A class: the timer comes back to it. It lives on one event loop.
final class Alarm {
  private let loop: any EventLoop
  private var ring: () -> Void
  private var moment: NIODeadline?
  private var looksAt: NIODeadline?
  private var timer: Scheduled<Void>?

  init(on loop: any EventLoop, ring: @escaping () -> Void) {
    self.loop = loop
    self.ring = ring
  }

  /// Takes the place of the moment before.
  func set(_ moment: NIODeadline) {
    self.moment = moment
    if let looksAt, looksAt <= moment { return }
    look(at: moment)
  }

  func set(in span: Duration) { set(.now() + .nanoseconds(span.nanoseconds)) }

  /// The same for one of several moments: the earliest counts.
  func advance(to moment: NIODeadline) {
    if let standing = self.moment, standing <= moment { return }
    set(moment)
  }

  /// Nothing is waited for just now.
  func clear() { moment = nil }

  /// It is over: whoever made it lets it go.
  func stop() {
    timer?.cancel()
    moment = nil
    ring = {}
  }

  private func look(at time: NIODeadline) {
    timer?.cancel()
    looksAt = time
    let bound = NIOLoopBound(self, eventLoop: loop)
    timer = loop.scheduleTask(deadline: time) { bound.value.look() }
  }

  private func look() {
    looksAt = nil
    guard let moment else { return }
    guard moment <= .now() else { return look(at: moment) }
    self.moment = nil
    ring()
  }
}
