import Foundation

/// With what rules requests are inspected, and how strictly.
package struct RuleSettings: Hashable, Sendable {
  /// Levels of the Core Rule Set: at each more rules, and more false alarms.
  package static let paranoiaRange = 1...4
  /// Largest content that is inspected, bytes; more is a failure, and not passed over.
  package static let bodyBytesMax = 1 << 20
  /// Most arguments of one request.
  package static let argumentsMax = 512
  /// Steps that one regular expression may take; where it takes more, the request counts as an attack.
  package static let patternStepsMax = 100_000

  /// For whom requests are inspected.
  package enum Purpose: Sendable {
    /// For the platform, whose door has judged method, protocol and encoding before.
    case door
    /// For the Core Rule Set's own regression tests, with the limits that these set.
    case regressionTests
  }

  /// Files of rules, in the order in which they are read.
  package let files: [String]
  /// 1–4.
  package let paranoia: Int
  package let purpose: Purpose

  package init(files: [String], paranoia: Int, for purpose: Purpose = .door) {
    self.files = files
    self.paranoia = paranoia
    self.purpose = purpose
  }

  /// The rules about requests of a Core Rule Set, version 3 or 4: of a folder with its `rules`, or of these themselves.
  ///
  /// Not the last of them, which add up the score and block: which matches count is decided by whoever knows the exclusions.
  /// - Throws: `RuleSetFault` where there are none.
  package init(
    folder: String, paranoia: Int, for purpose: Purpose = .door
  ) throws(RuleSetFault) {
    for place in [folder, "\(folder)/rules"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
      let rules = names.filter {
        $0.hasPrefix("REQUEST-") && $0.hasSuffix(".conf") && !$0.hasPrefix("REQUEST-949")
      }
      guard !rules.isEmpty else { continue }
      self.init(
        files: rules.sorted().map { "\(place)/\($0)" }, paranoia: paranoia, for: purpose)
      return
    }
    throw RuleSetFault(reason: "there are no rules (REQUEST-….conf) in \(folder)")
  }

  /// What the rules are told before they are read, in the words of ModSecurity: everything is looked at and nothing is done,
  /// neither logged nor kept.
  var text: String {
    let limits =
      switch purpose {
      case .door: ["'tx.allowed_methods=GET POST PUT PATCH DELETE'"]
      case .regressionTests:
        [
          "tx.crs_validate_utf8_encoding=1", "tx.max_num_args=255", "tx.arg_name_length=100",
          "tx.arg_length=400", "tx.total_arg_length=64000", "tx.max_file_size=64100",
          "tx.combined_file_sizes=65535",
        ]
      }
    let levels = ["paranoia_level", "blocking_paranoia_level", "detection_paranoia_level"]
      .map { "setvar:tx.\($0)=\(paranoia)" }.joined(separator: ",")
    return """
      SecRuleEngine DetectionOnly
      SecRequestBodyAccess On
      SecResponseBodyAccess Off
      SecRequestBodyLimit \(Self.bodyBytesMax)
      SecRequestBodyNoFilesLimit \(Self.bodyBytesMax)
      SecRequestBodyLimitAction ProcessPartial
      SecPcreMatchLimit \(Self.patternStepsMax)
      SecPcreMatchLimitRecursion \(Self.patternStepsMax)
      SecAuditEngine Off
      SecDebugLogLevel 0
      SecArgumentSeparator &
      SecCookieFormat 0
      SecDefaultAction "phase:1,log,auditlog,pass"
      SecDefaultAction "phase:2,log,auditlog,pass"
      SecAction "id:1001,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=334,\(levels),\
      \(limits.map { "setvar:\($0)" }.joined(separator: ","))"
      SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\\+|/)|text/)xml" \
      "id:1002,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
      SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.+-]+\\+)?json" \
      "id:1003,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
      SecRule TX:/^MSC_/ "!@streq 0" "id:\(RuleMatch.unfinished),phase:2,t:none,pass,log,severity:2"

      """
  }
}

/// Why rules cannot be had.
package struct RuleSetFault: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }
}
