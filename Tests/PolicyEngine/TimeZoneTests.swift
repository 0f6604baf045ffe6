import FoundationEssentials
import PolicyEngine
import Testing

extension TimeZones {
  /// Files of the tz database (public domain), so that no test needs the machine's own.
  static let samples = TimeZones(files: sampleBytes)

  static let sampleBytes = sampleFiles.compactMapValues { text in
    Data(base64Encoded: text).map { [UInt8]($0) }
  }

  private static let sampleFiles = [
    "Asia/Kolkata": """
    VFppZjIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAVFppZjIAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHAAAABQAAABb/////JroYKP////9D5+sw/////4edvLr/\
    ////ytuMKP/////MBXEY/////8yVMqj/////0nQSmAECAwQDBAMAAFLYAAAAAFLQAAQAAEtGAAgAAE1Y\
    AAwAAFtoARBMTVQASE1UAE1NVABJU1QAKzA2MzAACklTVC01OjMwCg==
    """,
    "Asia/Shanghai": """
    VFppZjIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAVFppZjIAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAdAAAAAwAAAAz/////fjZDKf////+gl6KA/////6F5BPD/\
    ////yFlegP/////JCflw/////8nTvQD/////ywWK8P/////LfEAA/////9I7PvD/////04t7gP/////U\
    Qq3w/////9VFIgD/////1ky/8P/////XPL8A/////9gGZnD/////2R3ygP/////ZQXzwAAAAAB66UiAA\
    AAAAH2mbkAAAAAAgfoSgAAAAACFJfZAAAAAAImehIAAAAAAjKV+QAAAAACRHgyAAAAAAJRJ8EAAAAAAm\
    J2UgAAAAACbyXhAAAAAAKAdHIAAAAAAo0kAQAgECAQIBAgECAQIBAgECAQIBAgECAQIBAgECAQIAAHHX\
    AAAAAH6QAQQAAHCAAAhMTVQAQ0RUAENTVAAKQ1NULTgK
    """,
    "Europe/Berlin": """
    VFppZjIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAVFppZjIAAAAA\
    AAAAAAAAAAAAAAAAAAAJAAAACQAAAAAAAACPAAAACQAAABL/////b6Jh+P////+bDBdg/////5vV2vD/\
    ////nNmukP////+dpLWQ/////565kJD/////n4SXkP/////ICXGQ/////8znSxD/////zakXkP/////O\
    okMQ/////8+SNBD/////0IIlEP/////RchYQ/////9G2lgD/////0li+gP/////SoU8Q/////9NjG5D/\
    ////1EsjkP/////VOdEg/////9Vn55D/////1ahzAP/////WKbQQ/////9csGhD/////2AmWEP/////Z\
    AsGQ/////9npeBAAAAAAE01EEAAAAAAUM/qQAAAAABUj65AAAAAAFhPckAAAAAAXA82QAAAAABfzvpAA\
    AAAAGOOvkAAAAAAZ06CQAAAAABrDkZAAAAAAG7y9EAAAAAAcrK4QAAAAAB2cnxAAAAAAHoyQEAAAAAAf\
    fIEQAAAAACBschAAAAAAIVxjEAAAAAAiTFQQAAAAACM8RRAAAAAAJCw2EAAAAAAlHCcQAAAAACYMGBAA\
    AAAAJwVDkAAAAAAn9TSQAAAAACjlJZAAAAAAKdUWkAAAAAAqxQeQAAAAACu0+JAAAAAALKTpkAAAAAAt\
    lNqQAAAAAC6Ey5AAAAAAL3S8kAAAAAAwZK2QAAAAADFd2RAAAAAAMnK0EAAAAAAzPbsQAAAAADRSlhAA\
    AAAANR2dEAAAAAA2MngQAAAAADb9fxAAAAAAOBuUkAAAAAA43WEQAAAAADn7dpAAAAAAOr1DEAAAAAA7\
    21iQAAAAADymX5AAAAAAPbs6kAAAAAA+hkGQAAAAAD+bHJAAAAAAQGYjkAAAAABBhDkQAAAAAEJGBZAA\
    AAAAQ2QbEAAAAABEJeeQAAAAAEVD/RAAAAAARgXJkAAAAABHI98QAAAAAEfu5hAAAAAASQPBEAAAAABJ\
    zsgQAAAAAErjoxAAAAAAS66qEAAAAABMzL+QAAAAAE2OjBAAAAAATqyhkAAAAABPbm4QAAAAAFCMg5AA\
    AAAAUVeKkAAAAABSbGWQAAAAAFM3bJAAAAAAVExHkAAAAABVF06QAAAAAFYsKZAAAAAAVvcwkAAAAABY\
    FUYQAAAAAFjXEpAAAAAAWfUoEAAAAABatvSQAAAAAFvVChAAAAAAXKAREAAAAABdtOwQAAAAAF5/8xAA\
    AAAAX5TOEAAAAABgX9UQAAAAAGF96pAAAAAAYj+3EAAAAABjXcyQAAAAAGQfmRAAAAAAZT2ukAAAAABm\
    CLWQAAAAAGcdkJAAAAAAZ+iXkAAAAABo/XKQAAAAAGnIeZAAAAAAat1UkAAAAABrqFuQAAAAAGzGcRAA\
    AAAAbYg9kAAAAABuplMQAAAAAG9oH5AAAAAAcIY1EAAAAABxUTwQAAAAAHJmFxAAAAAAczEeEAAAAAB0\
    RfkQAAAAAHURABAAAAAAdi8VkAAAAAB28OIQAAAAAHgO95AAAAAAeNDEEAAAAAB57tmQAAAAAHqwphAA\
    AAAAe867kAAAAAB8mcKQAAAAAH2unZAAAAAAfnmkkAAAAAB/jn+QAgECAwQDBAMEAwQDBAMFAQQDBAMG\
    AQQDBAMEBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcI\
    BwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcIBwgHCAcI\
    BwgAAAyIAAAAABwgAQQAAA4QAAkAABwgAQQAAA4QAAkAACowAQ0AACowAQ0AABwgAQQAAA4QAAlMTVQA\
    Q0VTVABDRVQAQ0VNVAAAAAABAQABAQEAAAAAAAAAAQEKQ0VULTFDRVNULE0zLjUuMCxNMTAuNS4wLzMK
    """,
  ]
}

@Suite struct `Times of day` {
  private func value(_ query: String, _ zones: TimeZones = .samples) throws -> String? {
    let policy = try CompiledPolicy.compile([])
    let input = EvaluationInput(timeZones: zones, isStrict: true)
    return try policy.evaluate("x := \(query)", input).bindings.first?["x"]?.regoText
  }

  @Test(
    arguments: [
      // A day before and after the clocks change, and after the last change that the file lists.
      (#"time.format([1711760400000000000, "Europe/Berlin"])"#, #""2024-03-30T02:00:00+01:00""#),
      (#"time.format([1711846799000000000, "Europe/Berlin"])"#, #""2024-03-31T01:59:59+01:00""#),
      (#"time.format([1711846800000000000, "Europe/Berlin"])"#, #""2024-03-31T03:00:00+02:00""#),
      (#"time.format([3000000000000000000, "Europe/Berlin"])"#, #""2065-01-24T06:20:00+01:00""#),
      (#"time.format([3015000000000000000, "Europe/Berlin"])"#, #""2065-07-16T22:00:00+02:00""#),
      (
        #"time.format([0, "Asia/Kolkata", "2006-01-02 15:04 MST"])"#, #""1970-01-01 05:30 IST""#
      ),
      (#"time.date([1711839600000000000, "Europe/Berlin"])"#, "[2024, 3, 31]"),
      (#"time.clock([1711846800000000000, "Europe/Berlin"])"#, "[3, 0, 0]"),
      (#"time.weekday([1711839600000000000, "Asia/Shanghai"])"#, #""Sunday""#),
      // A day later by the wall clock is 23 hours later by the stars.
      (
        #"time.add_date([1711800000000000000, "Europe/Berlin"], 0, 0, 1) - 1711800000000000000"#,
        "82800000000000"
      ),
      (#"time.diff([0, "UTC"], [90061000000000, "Asia/Shanghai"])"#, "[0, 0, 1, 1, 1, 1]"),
    ])
  func `are those of the zone that is named`(_ query: String, _ wanted: String) throws {
    #expect(try value(query) == wanted)
  }

  @Test func `need the database for every zone but UTC`() throws {
    #expect(try value(#"time.format([0, "UTC"])"#, .none) == #""1970-01-01T00:00:00Z""#)
    #expect(throws: PolicyError.self) { try value(#"time.format([0, "Europe/Berlin"])"#, .none) }
  }

  @Test func `are not told by a broken file`() throws {
    let berlin = try #require(TimeZones.sampleBytes["Europe/Berlin"])
    for length in [0, 3, 44, 60, 120, berlin.count / 2] {
      let zones = TimeZones(files: ["Europe/Berlin": Array(berlin.prefix(length))])
      #expect(throws: PolicyError.self) { try value(#"time.format([0, "Europe/Berlin"])"#, zones) }
    }
  }
}
