/// The documents of a new service, each as it is written.
extension ServiceSkeleton {
  var charter: String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: What \(name) is for, in one sentence.
    port: \(port)
    operations:
      - id: openEntry
        method: POST
        path: /v1/\(name)
        summary: Opens an entry for a person
        callers: [operator]
        idempotency: key
        body_bytes_max: 4096
      - id: closeEntry
        method: POST
        path: /v1/\(name)/{id}/closing
        summary: Closes an entry, once
        callers: [operator]
        idempotency: key
        body_bytes_max: 0
      - id: listEntries
        method: GET
        path: /v1/\(name)
        summary: The person's own entries
        public: true
        scopes: [profile:read]
        purpose: profile.read
        body_bytes_max: 0
    calls:
      - {service: \(Self.revoker), operations: [listRevocations]}
      - {service: \(Self.recorder), operations: [appendRecords], delivery: outbox}
    data:
      - {class: service-entry, sensitivity: internal}
      - {class: idempotency-record, sensitivity: confidential}
      - {class: outbox, sensitivity: confidential}
    store: {server: allowed, writers: many}
    limits: {memory_mib: 128, open_files: 1024, connections: 512}

    """
  }

  var openapi: String {
    """
    openapi: 3.1.0
    info: {title: Strongroom \(name), version: 0.1.0, summary: "What \(name) is for, in one sentence."}
    servers: [{url: "https://127.0.0.1:\(port)"}]
    # What any request may be answered with stands in no document: it is added to what the door tells.
    paths:
      /v1/\(name):
        post:
          operationId: openEntry
          summary: Opens an entry for a person
          description: For operators. The same key again is the same entry.
          parameters: [{$ref: "#/components/parameters/IdempotencyKey"}]
          requestBody:
            required: true
            content: {application/json: {schema: {$ref: "#/components/schemas/NewEntry"}}}
          responses:
            "201": {$ref: "#/components/responses/Entry"}
            default: {$ref: "#/components/responses/Problem"}
        get:
          operationId: listEntries
          summary: The person's own entries, the newest first
          security: [{token: ["profile:read"]}]
          responses:
            "200":
              description: The newest hundred
              content: {application/json: {schema: {$ref: "#/components/schemas/Entries"}}}
            default: {$ref: "#/components/responses/Problem"}
      /v1/\(name)/{id}/closing:
        post:
          operationId: closeEntry
          summary: Closes an entry, once
          parameters:
            - {$ref: "#/components/parameters/IdempotencyKey"}
            - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
          responses:
            "200": {$ref: "#/components/responses/Entry"}
            default: {$ref: "#/components/responses/Problem"}
    components:
      securitySchemes:
        token: {type: openIdConnect, openIdConnectUrl: "https://localhost:8443/.well-known/openid-configuration"}
      parameters:
        IdempotencyKey: {name: Idempotency-Key, in: header, required: true, schema: {type: string, maxLength: 255}}
      responses:
        Entry:
          description: The entry as it is now
          content: {application/json: {schema: {$ref: "#/components/schemas/Entry"}}}
        Problem:
          description: Why not (RFC 9457)
          content: {application/problem+json: {schema: {type: object}}}
      schemas:
        NewEntry:
          type: object
          additionalProperties: false
          required: [owner, title]
          properties:
            owner: {type: string, format: uuid}
            title: {type: string, minLength: 1, maxLength: 120}
          example: {owner: 018f3f6e-0000-7000-8000-00000000a11c, title: First}
        Entry:
          type: object
          additionalProperties: false
          required: [id, owner, title, state, opened_at]
          properties:
            id: {type: string, format: uuid}
            owner: {type: string, format: uuid}
            title: {type: string}
            state: {type: string, enum: [open, closed]}
            opened_at: {type: string, format: date-time}
        Entries:
          type: object
          additionalProperties: false
          required: [entries]
          properties: {entries: {type: array, maxItems: 100, items: {$ref: "#/components/schemas/Entry"}}}

    """
  }

  var readme: String {
    """
    # \(module)

    **Owns** entries: a title for a person, open or closed.
    **Promises** one entry for a key; a closed entry stays closed; a person sees the person's own.
    **Calls** nobody. Audit: through the outbox.
    **Data classes** service-entry (internal) until it has a class of its own, idempotency-record, outbox.

    """
  }

  var migration: String {
    """
    CREATE TABLE entries (
      id TEXT PRIMARY KEY NOT NULL,
      owner TEXT NOT NULL,
      title TEXT NOT NULL,
      state TEXT NOT NULL,
      opened_at BIGINT NOT NULL
    );
    CREATE INDEX entries_owner ON entries (owner, opened_at);

    """
  }

  var migrationForPostgres: String {
    """
    CREATE TABLE entries (
      id text COLLATE "C" PRIMARY KEY,
      owner text COLLATE "C" NOT NULL,
      title text COLLATE "C" NOT NULL,
      state text COLLATE "C" NOT NULL,
      opened_at bigint NOT NULL
    );
    CREATE INDEX entries_owner ON entries (owner, opened_at);

    """
  }
}
