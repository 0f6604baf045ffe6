import MerkleLog
import Testing

@Suite struct `A signed note` {
  // The example of golang.org/x/mod/sumdb/note, made by another implementation.
  private let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
  private let text = """
    If you think cryptography is the answer to your problem,
    then you don't know what your problem is.

    """
  private var note: String {
    text + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKv"
      + "qfqdngotpRZb6KE6RyyBwJnAM=\n"
  }

  @Test func `of another implementation verifies`() throws {
    let verifier = try #require(VerifierKey(key))
    #expect(verifier.description == key)
    let parsed = try #require(SignedNote(Array(note.utf8)))
    #expect(try parsed.verified(by: verifier) == text)
  }

  @Test func `is believed from no key that anybody can sign for`() throws {
    let neutral = [1] + [UInt8](repeating: 0, count: 31)
    #expect(VerifierKey(name: "anybody", publicKey: neutral) == nil)
    #expect(VerifierKey(name: "anybody", publicKey: [UInt8](repeating: 0, count: 32)) == nil)
    // Another spelling of the neutral element: y = p + 1.
    let spelling = [0xee] + [UInt8](repeating: 0xff, count: 30) + [0x7f]
    #expect(VerifierKey(name: "anybody", publicKey: spelling) == nil)
  }

  @Test func `with one letter changed does not`() throws {
    let verifier = try #require(VerifierKey(key))
    let altered = note.replacing("answer", with: "remedy")
    let parsed = try #require(SignedNote(Array(altered.utf8)))
    #expect(throws: SignedNote.Flaw.signatureInvalid) { try parsed.verified(by: verifier) }
  }

  @Test func `of an unknown key is not believed, and its line does not disturb a known one`() throws
  {
    let mine = SampleLog.signer(1)
    let signed = try #require(mine.sign(text))
    let line = try #require(note.split(separator: "\n").last)
    let both = try #require(SignedNote(Array((signed + line + "\n").utf8)))
    #expect(try both.verified(by: mine.verifierKey) == text)
    let single = try #require(SignedNote(Array(note.utf8)))
    #expect(throws: SignedNote.Flaw.notSignedByKey) { try single.verified(by: mine.verifierKey) }
  }

  @Test func `needs a text, an empty line and a signature of the right form`() {
    let line = String(note.split(separator: "\n").last ?? "")
    for broken in [
      "", "\n", text, text + line + "\n", text + "\n", "\n" + line + "\n", text + "\n" + line,
      text + "\n- PeterNeumann x08go/Y=\n", text + "\n— Peter Neumann x08go/ZJ\n",
      text + "\n— PeterNeumann x08g\n", text + "\n— a+b x08go/ZJ\n", "a\tb\n\n" + line + "\n",
    ] {
      #expect(SignedNote(Array(broken.utf8)) == nil, "\(broken)")
    }
    #expect(SignedNote([0xff, 0x0a, 0x0a]) == nil)
    let many = text + "\n" + String(repeating: line + "\n", count: SignedNote.signaturesMax)
    #expect(SignedNote(Array(many.utf8)) != nil)
    #expect(SignedNote(Array((many + line + "\n").utf8)) == nil)
  }

  @Test func `has a key whose text is checked`() {
    #expect(VerifierKey(key + "\n") != nil)
    for broken in [
      "", "PeterNeumann", key.replacing("c74f20a3", with: "c74f20a4"), key + "=", key + "\n\n",
      key.replacing("PeterNeumann", with: "Peter Neumann"), key.replacing("+AR", with: "+AB"),
    ] {
      #expect(VerifierKey(broken) == nil, "\(broken)")
    }
    #expect(NoteSigner(name: "a b", seed: [UInt8](repeating: 1, count: 32)) == nil)
    #expect(NoteSigner(name: "a", seed: [UInt8](repeating: 1, count: 31)) == nil)
  }
}

@Suite struct `A checkpoint` {
  private let signer = SampleLog.signer(1)

  @Test func `is the note that the specification draws`() throws {
    let root = try #require(TreeHash(base64: "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="))
    let checkpoint = Checkpoint(origin: SampleLog.origin, size: 20_852_163, root: root)
    #expect(
      checkpoint.text
        == "\(SampleLog.origin)\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
    let note = try #require(checkpoint.signed(by: signer))
    #expect(try Checkpoint.verified(Array(note.utf8), by: signer.verifierKey) == checkpoint)
  }

  @Test(
    arguments: [
      "\(SampleLog.origin)\n01\n\(TreeHash.empty)\n",
      "\(SampleLog.origin)\n-1\n\(TreeHash.empty)\n",
      "\(SampleLog.origin)\n1\nCsUY\n", "\(SampleLog.origin)\n1\n\(TreeHash.empty)\nextension\n",
      "\(SampleLog.origin)\n1\n", "\(SampleLog.origin)\n18446744073709551616\n\(TreeHash.empty)\n",
    ])
  func `in another form is refused though signed`(text: String) throws {
    let note = try #require(signer.sign(text))
    #expect(throws: Checkpoint.Flaw.malformed) {
      try Checkpoint.verified(Array(note.utf8), by: signer.verifierKey)
    }
  }

  @Test func `of another log is refused though signed by the key`() throws {
    let note = try #require(
      Checkpoint(origin: "elsewhere", size: 0, root: .empty).signed(by: signer))
    #expect(throws: Checkpoint.Flaw.foreignOrigin) {
      try Checkpoint.verified(Array(note.utf8), by: signer.verifierKey)
    }
  }
}
