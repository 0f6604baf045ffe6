import Vocabulary

/// Messages of one commit and one topic, kept as one row: what costs the database is rows, and a busy service has a
/// message for every request.
///
/// The row's bytes are, for each message in order, one line of ASCII (`<bytes of id> <nanoseconds> <bytes of body>`),
/// then the id, then the body.
struct OutboxBundle {
  /// Messages in one row, at most.
  static let messagesMax = 250
  /// Bytes after which a row takes no further message.
  static let bytesMax = 524_288

  let topic: String
  private(set) var count = 0
  private(set) var bytes: [UInt8] = []

  private init(_ topic: String) { self.topic = topic }

  /// In the order of the messages, topic by topic.
  static func pack(_ messages: [OutboxMessage]) -> [OutboxBundle] {
    var full: [OutboxBundle] = []
    var open: [OutboxBundle] = []
    for message in messages {
      let place =
        open.firstIndex { $0.topic == message.topic }
        ?? {
          open.append(OutboxBundle(message.topic))
          return open.count - 1
        }()
      open[place].add(message)
      if open[place].count == messagesMax || open[place].bytes.count >= bytesMax {
        full.append(open.remove(at: place))
      }
    }
    return full + open
  }

  private mutating func add(_ message: OutboxMessage) {
    let id = message.id.utf8
    bytes += "\(id.count) \(message.at.nanoseconds) \(message.body.count)\n".utf8
    bytes += id
    bytes += message.body
    count += 1
  }

  /// - Throws: `StoreError.constraint` where the bytes are not `count` messages.
  static func messages(_ count: Int, topic: String, in bytes: [UInt8]) throws(StoreError)
    -> [OutboxMessage]
  {
    var messages: [OutboxMessage] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { break }
      let line = rest[..<end].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      let numbers = line.compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
      rest = rest[(end + 1)...]
      guard line.count == 3, numbers.count == 3, (0...rest.count).contains(Int(numbers[0])),
        (0...rest.count - Int(numbers[0])).contains(Int(numbers[2]))
      else { break }
      let id = rest.prefix(Int(numbers[0]))
      let body = rest.dropFirst(id.count).prefix(Int(numbers[2]))
      rest = rest[body.endIndex...]
      messages.append(
        OutboxMessage(
          id: String(decoding: id, as: UTF8.self), topic: topic, body: Array(body),
          at: Instant(nanoseconds: numbers[1])))
    }
    guard rest.isEmpty, messages.count == count else {
      throw .constraint("a row of the outbox does not hold the messages it says")
    }
    return messages
  }
}
