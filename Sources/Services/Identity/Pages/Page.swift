import Crypto
import Tokens

/// A page of the identity service: plain HTML and CSS, no script, readable by a screen reader and without a style sheet.
package struct Page: Sendable {
  package let status: Int
  package let title: String
  package let content: Markup
  /// Where a form on this page may lead in the end, beside ourselves: browsers hold redirects after a form against
  /// `form-action` too.
  package var formTarget: RedirectURI?
  package var retryAfterSeconds: Int?

  package init(
    _ status: Int, _ title: String, formTarget: RedirectURI? = nil, retryAfterSeconds: Int? = nil,
    _ content: Markup
  ) {
    self.status = status
    self.title = title
    self.content = content
    self.formTarget = formTarget
    self.retryAfterSeconds = retryAfterSeconds
  }

  package var html: String {
    let page: Markup = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="robots" content="noindex">
      <title>\(title) – Strongroom</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <header><span class="mark" aria-hidden="true"></span> Strongroom</header>
      <main>
      \(content)
      </main>
      <footer>Strongroom never asks for your password by e-mail or telephone.</footer>
      </body>
      </html>

      """
    return page.text
  }

  /// Nothing may load, nothing may frame us, forms lead only here and to the application that asked. The one style
  /// element is named by its digest.
  package var contentSecurityPolicy: String {
    let target = formTarget.map { " \($0.origin)" } ?? ""
    return "default-src 'none'; style-src '\(Self.styleDigest)'; form-action 'self'\(target); "
      + "frame-ancestors 'none'; base-uri 'none'"
  }

  private static let styleDigest: String = {
    let digest = Array(SHA256.hash(data: Array(style.text.utf8)))
    return "sha256-\(PaddedBase64.encode(digest))"
  }()

  // Colours keep a contrast of 4.5:1 or more (WCAG 2.2 §1.4.3) in both schemes; targets are 48 pixels high (§2.5.8).
  private static let style: Markup = """
    :root{color-scheme:light dark;--ink:#16202c;--soft:#52606f;--paper:#f3f5f8;--card:#fff;\
    --line:#c5ced8;--lead:#0b5cad;--lead-ink:#fff;--alarm:#a3161f;--alarm-paper:#fdeeee}
    @media (prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a5b1be;--paper:#10161d;\
    --card:#1a222c;--line:#445262;--lead:#6db3f7;--lead-ink:#0b1520;--alarm:#ffb0b0;\
    --alarm-paper:#3a1b1e}}
    *{box-sizing:border-box}
    body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;\
    justify-content:center;gap:1.25rem;padding:1.5rem 1rem;background:var(--paper);\
    color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
    header{font-weight:650;letter-spacing:.01em}
    .mark{display:inline-block;width:.85em;height:.85em;margin-right:.35em;vertical-align:-.06em;\
    border:.2em solid var(--lead);border-radius:50%}
    main{width:100%;max-width:26rem;padding:2rem;background:var(--card);\
    border:1px solid var(--line);border-radius:.75rem}
    h1{margin:0 0 .5rem;font-size:1.4rem;line-height:1.25}
    p{margin:0 0 1rem}
    .soft,footer{color:var(--soft);font-size:.9rem}
    footer{max-width:26rem;text-align:center}
    label{display:block;margin:0 0 .3rem;font-weight:600}
    input{width:100%;min-height:3rem;margin:0 0 1.1rem;padding:.5rem .75rem;font:inherit;\
    color:inherit;background:transparent;border:1px solid var(--soft);border-radius:.5rem}
    ul{margin:0 0 1.25rem;padding-left:1.25rem}
    li{margin:.35rem 0}
    .row{display:flex;gap:.75rem}
    button{flex:1;width:100%;min-height:3rem;padding:.5rem 1rem;font:inherit;font-weight:600;\
    color:var(--lead-ink);background:var(--lead);border:1px solid var(--lead);\
    border-radius:.5rem;cursor:pointer}
    button.plain{color:var(--ink);background:transparent;border-color:var(--soft)}
    :focus-visible{outline:3px solid var(--lead);outline-offset:2px}
    .alarm{margin:0 0 1.1rem;padding:.7rem .9rem;color:var(--alarm);\
    background:var(--alarm-paper);border-left:.3rem solid var(--alarm);border-radius:.3rem}
    """
}
