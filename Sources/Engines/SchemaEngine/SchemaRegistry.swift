package import StrictJSON

/// Schema documents by URI. Nothing is ever fetched: what a `$ref` names must have been added.
package struct SchemaRegistry: Sendable {
  /// Most documents, and schemas inside each other.
  package static let documentsMax = 1_000
  static let depthMax = 128

  /// A schema in a document.
  struct Place: Hashable, Sendable {
    let document: Int
    /// Names and positions from the document's root.
    let path: [String]
    /// URI of the resource that it belongs to, without fragment.
    let resource: String
  }

  private(set) var documents: [JSON] = []
  private var resources: [String: Place] = [:]
  private var anchors: [String: Place] = [:]
  /// By name, then by resource.
  private(set) var dynamicAnchors: [String: [String: Place]] = [:]

  /// Holds the metaschemas of draft 2020-12.
  package init() {
    for text in Metaschema.documents {
      do {
        try add(JSON.parse(text, limits: JSONLimits(depthMax: 64)), at: "")
      } catch {
        preconditionFailure("a metaschema that comes with the module is refused: \(error)")
      }
    }
  }

  /// Takes in a document under a URI and under each `$id` in it.
  /// - Throws: `SchemaError`, where a URI or an anchor is taken already, or the document is too deep.
  package mutating func add(_ document: JSON, at uri: String) throws(SchemaError) {
    guard documents.count < Self.documentsMax else {
      throw SchemaError(place: uri, reason: "more than \(Self.documentsMax) schema documents")
    }
    documents.append(document)
    let address = ResourceURI(uri).withoutFragment
    let root = Place(
      document: documents.count - 1, path: [],
      resource: document["$id"]?.string.map {
        address.resolving(ResourceURI($0)).withoutFragment.text
      } ?? address.text)
    // A document can be had under the address where it was found, and under the one that it gives itself.
    if resources[address.text] == nil { resources[address.text] = root }
    if resources[root.resource] == nil { resources[root.resource] = root }
    try take(document, root, 0)
  }

  private mutating func take(_ schema: JSON, _ place: Place, _ depth: Int) throws(SchemaError) {
    guard depth < Self.depthMax else {
      throw SchemaError(place: Self.text(place), reason: "schemas nest too deeply")
    }
    guard let members = schema.object else { return }
    var place = place
    if let id = members["$id"]?.string {
      let uri = ResourceURI(place.resource).resolving(ResourceURI(id)).withoutFragment.text
      place = Place(document: place.document, path: place.path, resource: uri)
      if let other = resources[uri], other.document != place.document || other.path != place.path {
        throw SchemaError(place: Self.text(place), reason: "another schema has the same $id")
      }
      resources[uri] = place
    }
    if let name = members["$anchor"]?.string { try anchor(name, place) }
    if let name = members["$dynamicAnchor"]?.string {
      try anchor(name, place)
      dynamicAnchors[name, default: [:]][place.resource] = place
    }
    for (path, child) in Keyword.subschemas(members) {
      try take(
        child, Place(document: place.document, path: place.path + path, resource: place.resource),
        depth + 1)
    }
  }

  private mutating func anchor(_ name: String, _ place: Place) throws(SchemaError) {
    let key = "\(place.resource)#\(name)"
    if let other = anchors[key], other != place {
      throw SchemaError(place: Self.text(place), reason: "another schema has the same anchor")
    }
    anchors[key] = place
  }

  /// URI with a pointer as its fragment.
  static func text(_ place: Place) -> String { "\(place.resource)#\(Pointer.text(place.path))" }

  func schema(_ place: Place) -> JSON? {
    place.path.reduce(Optional(documents[place.document])) { Self.child($0, $1) }
  }

  private static func child(_ value: JSON?, _ name: String) -> JSON? {
    switch value {
    case .object(let members)?: members[name]
    case .array(let elements)?:
      Int(name).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
    case .null?, .bool?, .integer?, .number?, .string?, nil: nil
    }
  }

  /// The schema that a reference names, from within a resource.
  func find(_ reference: String, from resource: String) -> Place? {
    let uri = ResourceURI(resource).resolving(ResourceURI(reference))
    guard let root = resources[uri.withoutFragment.text] else { return nil }
    guard let fragment = uri.fragment.map(Self.decoded), !fragment.isEmpty else { return root }
    guard fragment.hasPrefix("/") else { return anchors["\(root.resource)#\(fragment)"] }
    var (place, value) = (root, schema(root))
    for name in Pointer.names(fragment.dropFirst()) {
      value = Self.child(value, name)
      guard let found = value else { return nil }
      var resource = place.resource
      // A resource within another has a base of its own.
      if let id = found["$id"]?.string {
        let own = ResourceURI(resource).resolving(ResourceURI(id)).withoutFragment.text
        if resources[own]?.path == place.path + [name] { resource = own }
      }
      place = Place(document: place.document, path: place.path + [name], resource: resource)
    }
    return place
  }

  /// Percent-encoded bytes of a fragment as text; what is not well encoded stays.
  private static func decoded(_ fragment: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(fragment.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What the words of a resource mean.
  func dialect(of resource: String, above: Dialect) -> Dialect {
    guard let root = resources[resource], let schema = schema(root),
      let metaschema = schema["$schema"]?.string
    else { return above }
    return dialect(named: metaschema)
  }

  private func dialect(named metaschema: String) -> Dialect {
    let uri = ResourceURI(metaschema).withoutFragment.text
    guard uri != Metaschema.uri, let place = resources[uri],
      let vocabulary = schema(place)?["$vocabulary"]?.object
    else { return Dialect() }
    let prefix = "https://json-schema.org/draft/2020-12/vocab/"
    return Dialect(
      validates: vocabulary["\(prefix)validation"] != nil,
      assertsFormats: vocabulary["\(prefix)format-assertion"] != nil)
  }
}

/// Which vocabularies a schema is written in.
struct Dialect: Hashable, Sendable {
  /// Types, bounds, lengths and the like refuse.
  var validates = true
  /// A format refuses, whatever the caller wishes.
  var assertsFormats = false
}
