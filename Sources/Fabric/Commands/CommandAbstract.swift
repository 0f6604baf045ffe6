/// The one line of a command that one program has and another lists.
package enum CommandAbstract {
  package static let bench =
    "Measure the running platform, or the ledger or the policy engine by itself."
  package static let conformance =
    "Run the public test suites of others, and say how many cases pass."
  package static let demo =
    "A seeded bank pays its standing orders; then one payment's whole story."
  package static let drill = "Attack the running platform and see every defence hold."
  package static let policy =
    "Evaluate, test, check, bundle, serve and publish policies written in Rego."
  package static let policyPublish = "Sign access policies and put them in force, everywhere."
  package static let policyStatus = "Which version of the access policies each service decides by."
  package static let soak =
    "Torment the platform, its ledger, or the policy engine, for hours; make a log long."
}
