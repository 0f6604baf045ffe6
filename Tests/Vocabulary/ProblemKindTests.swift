import Testing
import Vocabulary

@Suite struct `A problem's kind` {
  @Test(arguments: [
    (400, ProblemKind.malformed), (401, .permission), (403, .permission), (404, .absent),
    (405, .malformed), (408, .busy), (409, .refused), (413, .malformed), (422, .malformed),
    (425, .busy), (429, .busy), (431, .malformed), (500, .defect), (501, .defect),
    (502, .unknown), (503, .unavailable), (504, .unknown), (505, .unknown), (599, .unknown),
  ])
  func `follows from the status where nothing else is said`(status: Int, kind: ProblemKind) {
    #expect(Problem("a", status, "No").kind == kind)
    #expect(Problem("a", status, "No", kind: .over).kind == .over)
  }
}
