/// Names on the wire of the SPIFFE Workload API (SPIFFE_Workload_API.md §3, §4): what a caller must
/// send, and the paths of the methods. The messages are generated from `workload.proto` beside this
/// file.
package enum SpiffeWorkloadAPI {
  /// Metadata that every request carries, so that no other gRPC client can be tricked into one:
  /// name and value.
  package static let securityHeader = (name: "workload.spiffe.io", value: "true")

  /// A method's HTTP/2 path.
  package enum Method: String, Sendable, CaseIterable {
    case fetchX509SVID = "/SpiffeWorkloadAPI/FetchX509SVID"
    case fetchX509Bundles = "/SpiffeWorkloadAPI/FetchX509Bundles"
    case fetchJWTSVID = "/SpiffeWorkloadAPI/FetchJWTSVID"
    case fetchJWTBundles = "/SpiffeWorkloadAPI/FetchJWTBundles"
    case validateJWTSVID = "/SpiffeWorkloadAPI/ValidateJWTSVID"
  }
}
