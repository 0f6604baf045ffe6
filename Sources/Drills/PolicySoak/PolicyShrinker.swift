import PolicyEngine

/// Cuts a question down for as long as what was seen stays: first rules and lines, then the parts of
/// terms, then members of the documents. It cuts text, so that it also reduces what no parser takes.
package struct PolicyShrinker {
  /// Most questions asked for one reduction.
  private let questionsMax: Int

  package init(questionsMax: Int = 4_000) { self.questionsMax = questionsMax }

  /// - Parameter isStill: whether the smaller question still shows what was seen.
  package func shrunk(
    _ question: PolicyQuestion, while isStill: (PolicyQuestion) throws -> Bool
  ) rethrows -> PolicyQuestion {
    var (best, asked, isSmaller) = (question, 0, true)
    while isSmaller {
      isSmaller = false
      for cuts in [Self.withoutInputs, Self.withoutLines, Self.simplerTerms, Self.withoutMembers] {
        var place = 0
        var candidates = cuts(best)
        while place < candidates.count, asked < questionsMax {
          asked += 1
          if try isStill(candidates[place]) {
            // What comes earlier was refused a moment ago; it is tried again in the next round.
            (best, isSmaller) = (candidates[place], true)
            candidates = cuts(best)
          } else {
            place += 1
          }
        }
      }
    }
    return best
  }

  private static func withoutInputs(_ question: PolicyQuestion) -> [PolicyQuestion] {
    guard question.inputs.count > 1 else { return [] }
    return question.inputs.map {
      PolicyQuestion(source: question.source, data: question.data, inputs: [$0])
    }
  }

  /// Without up to a dozen neighbouring lines, longest first. The package stays.
  private static func withoutLines(_ question: PolicyQuestion) -> [PolicyQuestion] {
    let lines = question.source.split(separator: "\n", omittingEmptySubsequences: false)
    return stride(from: min(12, lines.count), to: 0, by: -1).flatMap { length in
      (1..<max(lines.count - length + 1, 1)).map { start in
        var rest = lines
        rest.removeSubrange(start..<(start + length))
        return question.with(source: rest.joined(separator: "\n"))
      }
    }
  }

  /// With a call, a list or a reference replaced by one of its parts, or by a constant.
  private static func simplerTerms(_ question: PolicyQuestion) -> [PolicyQuestion] {
    let text = Array(question.source.utf8)
    var candidates: [[UInt8]] = []
    func replace(_ range: Range<Int>, _ part: some Sequence<UInt8>) {
      candidates.append(Array(text[..<range.lowerBound]) + part + text[range.upperBound...])
    }
    for span in Self.spans(text) {
      let whole = span.start..<(span.close + 1)
      for constant in ["1", "\"a\"", "[]", "true"] where whole.count > constant.utf8.count {
        replace(whole, constant.utf8)
      }
      for part in span.parts where !part.isEmpty { replace(part, []) }
      for part in span.parts { replace(whole, text[part]) }
      for (part, next) in zip(span.parts, span.parts.dropFirst()) {
        replace(part.lowerBound..<next.lowerBound, [])
        replace(part.upperBound..<next.upperBound, [])
      }
    }
    for (name, document) in [("input", question.inputs[0]), ("data", question.data)] {
      guard case .object(let object) = document else { continue }
      for member in object.members {
        guard case .string(let key) = member.key else { continue }
        let reference = Array("\(name).\(key)".utf8)
        for start in text.indices where text[start...].starts(with: reference) {
          let end = start + reference.count
          if end < text.count, isWord(text[end]) { continue }
          replace(start..<end, member.value.regoText.utf8)
        }
      }
    }
    return candidates.map { question.with(source: String(decoding: $0, as: UTF8.self)) }
  }

  private struct Span {
    /// Where the name of a call begins, or the bracket itself.
    var start: Int
    var close: Int
    /// What commas, semicolons and bars part.
    var parts: [Range<Int>]
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// What brackets enclose, outermost first. Brackets inside texts are text.
  private static func spans(_ text: [UInt8]) -> [Span] {
    var (open, spans): ([(at: Int, cuts: [Int])], [Span]) = ([], [])
    var isText = false
    for (at, byte) in text.enumerated() {
      if byte == UInt8(ascii: "\"") { isText.toggle() }
      guard !isText else { continue }
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): open.append((at, []))
      case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|"):
        if !open.isEmpty { open[open.count - 1].cuts.append(at) }
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        guard let (start, cuts) = open.popLast() else { continue }
        let edges = [start] + cuts + [at]
        let parts = zip(edges, edges.dropFirst()).map { ($0 + 1)..<$1 }
        let name = byte == UInt8(ascii: "}") ? [] : text[..<start].reversed().prefix(while: isWord)
        spans.append(Span(start: start - name.count, close: at, parts: parts))
      default: break
      }
    }
    return spans.sorted { ($0.start, $1.close) < ($1.start, $0.close) }
  }

  /// Without one member or element, at any depth, of a document.
  private static func withoutMembers(_ question: PolicyQuestion) -> [PolicyQuestion] {
    smaller(question.data).map { question.with(data: $0) }
      + question.inputs.indices.flatMap { index in
        smaller(question.inputs[index]).map { document in
          var rest = question
          rest.inputs[index] = document
          return rest
        }
      }
  }

  private static func smaller(_ value: Value) -> [Value] {
    var less: [Value] = []
    switch value {
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        func with(_ part: [Value]) -> Value {
          .array(Array(elements[..<index]) + part + elements[(index + 1)...])
        }
        less += [with([])] + smaller(element).map { with([$0]) }
      }
    case .object(let object):
      for member in object.members {
        let rest = object.members.filter { $0.key != member.key }.map { ($0.key, $0.value) }
        less.append(.object(ObjectValue(rest)))
        less += smaller(member.value).map { .object(ObjectValue(rest + [(member.key, $0)])) }
      }
    default: break
    }
    return less
  }
}

extension PolicyQuestion {
  fileprivate func with(source: String? = nil, data: Value? = nil) -> PolicyQuestion {
    PolicyQuestion(source: source ?? self.source, data: data ?? self.data, inputs: inputs)
  }
}
