import ChatTemplates

/// How tokens become text: what `decoder` in `tokenizer.json` says.
struct DecodingRules: Sendable {
  private(set) var isByteLevel = false
  private(set) var hasByteFallback = false
  private(set) var replacements: [(old: [UInt8], new: [UInt8])] = []
  private(set) var leadingSpace = LeadingSpaceRule.keep

  init(_ component: Component?) throws(TokenizerError) {
    guard let component else { return }
    try read(component)
    let steps = replacements.map { TextNormalizer.replace(.literal($0.old), $0.new) }
    if steps.count > 64 || TextNormalizer.growth(of: steps) > TextNormalizer.maximumGrowth {
      throw component.malformed(
        "the steps make text more than \(TextNormalizer.maximumGrowth) times as long")
    }
  }

  private mutating func read(_ component: Component) throws(TokenizerError) {
    switch component.type {
    case "Sequence":
      for part in try component.parts("decoders") { try read(part) }
    case "ByteLevel": isByteLevel = true
    case "ByteFallback": hasByteFallback = true
    case "Fuse": break
    case "Replace":
      guard case .literal(let old) = try component.pattern() else {
        throw component.malformed("only replacements of fixed text are supported")
      }
      replacements.append((old, Array(try component.string("content").utf8)))
    case "Metaspace":
      replacements.append((try component.metaspaceMark(), [0x20]))
      let adds =
        component.flag("add_prefix_space", default: true) && component["prepend_scheme"]?.string != "never"
      if adds { leadingSpace = .dropOne }
    case "Strip":
      // Only the space that a tokenizer has put in front of text is dropped this way.
      guard try component.string("content") == " ", component["stop"]?.int ?? 0 == 0,
        let start = component["start"]?.int, start <= 1
      else { throw component.malformed("only dropping one leading space is supported") }
      if start == 1 { leadingSpace = .dropOne }
    default:
      throw component.unsupported(
        "ByteLevel", "Sequence", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace")
    }
  }

  /// The bytes that a token of this spelling contributes to text.
  func bytes(of spelling: ArraySlice<UInt8>) -> [UInt8] {
    if isByteLevel { return ByteAlphabet.bytes(of: spelling) ?? Array(spelling) }
    if hasByteFallback, spelling.count == 6,
      let byte = SentencePieceModelFile.byteValue(of: String(decoding: spelling, as: UTF8.self))
    {
      return [byte]
    }
    var bytes = Array(spelling)
    for (old, new) in replacements {
      bytes = TextNormalizer.replace(.literal(old), new).apply(to: bytes)
    }
    return bytes
  }
}
