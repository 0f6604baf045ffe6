/// The schemas of schemas, draft 2020-12, as the standard publishes them.
enum Metaschema {
  static let uri = "https://json-schema.org/draft/2020-12/schema"

  static var documents: [[UInt8]] {
    [
      PackageResources.schema_json, PackageResources.core_json, PackageResources.applicator_json,
      PackageResources.unevaluated_json, PackageResources.validation_json,
      PackageResources.meta_data_json, PackageResources.format_annotation_json,
      PackageResources.format_assertion_json, PackageResources.content_json,
    ]
  }
}
