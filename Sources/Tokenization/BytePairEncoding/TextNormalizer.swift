private import Foundation

/// Changes to text before it is tokenized.
indirect enum TextNormalizer: Sendable {
  case composed
  case decomposed
  case compatibilityComposed
  case compatibilityDecomposed
  case lowercase
  case replace(SplitPattern, [UInt8])
  case prepend([UInt8])
  case strip(left: Bool, right: Bool)

  /// The steps that a description asks for.
  static func steps(_ component: Component?) throws(TokenizerError) -> [TextNormalizer] {
    guard let component else { return [] }
    let steps = try plainSteps(component)
    if steps.count > 64 || growth(of: steps) > maximumGrowth {
      throw component.malformed("the steps make text more than \(maximumGrowth) times as long")
    }
    return steps
  }

  /// How many times as long text may become.
  static let maximumGrowth = 1000

  /// How many times as long steps can make a text, at most.
  static func growth(of steps: [TextNormalizer]) -> Int {
    var product = 1
    for step in steps {
      let factor =
        switch step {
        case .replace(let pattern, let content):
          (content.count + pattern.minimumLength - 1) / pattern.minimumLength
        case .prepend(let prefix): 1 + prefix.count
        default: 1  // what letters become is bounded, and done once
        }
      product = min(product, 1 << 20) * max(1, min(factor, 1 << 20))
    }
    return product
  }

  private static func plainSteps(_ component: Component) throws(TokenizerError) -> [TextNormalizer] {
    switch component.type {
    case "Sequence":
      var steps: [TextNormalizer] = []
      for part in try component.parts("normalizers") { steps += try Self.steps(part) }
      return steps
    case "NFC": return [.composed]
    case "NFD": return [.decomposed]
    case "NFKC": return [.compatibilityComposed]
    case "NFKD": return [.compatibilityDecomposed]
    case "Lowercase": return [.lowercase]
    case "Replace": return [.replace(try component.pattern(), Array(try component.string("content").utf8))]
    case "Prepend": return [.prepend(Array(try component.string("prepend").utf8))]
    case "Strip":
      return [
        .strip(
          left: component.flag("strip_left", default: true),
          right: component.flag("strip_right", default: true))
      ]
    default:
      throw component.unsupported(
        "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Replace", "Prepend", "Strip", "Sequence")
    }
  }

  func apply(to bytes: [UInt8]) -> [UInt8] {
    switch self {
    case .composed where Self.isSurelyComposed(bytes): return bytes
    case .composed:
      return Array(String(decoding: bytes, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
    case .decomposed, .compatibilityComposed, .compatibilityDecomposed:
      if bytes.allSatisfy({ $0 < 0x80 }) { return bytes }
      let text = String(decoding: bytes, as: UTF8.self)
      switch self {
      case .decomposed: return Array(text.decomposedStringWithCanonicalMapping.utf8)
      case .compatibilityComposed: return Array(text.precomposedStringWithCompatibilityMapping.utf8)
      default: return Array(text.decomposedStringWithCompatibilityMapping.utf8)
      }
    case .lowercase:
      var text = ""
      for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
        text += scalar.properties.lowercaseMapping
      }
      return Array(text.utf8)
    case .replace(let pattern, let content):
      var result: [UInt8] = []
      var position = 0
      pattern.matches(in: bytes, range: 0..<bytes.count) { match in
        result.append(contentsOf: bytes[position..<match.lowerBound])
        result.append(contentsOf: content)
        position = match.upperBound
      }
      return position == 0 ? bytes : result + bytes[position...]
    case .prepend(let prefix): return bytes.isEmpty ? bytes : prefix + bytes
    case .strip(let left, let right):
      var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
      if left { scalars = scalars.drop { GeneralCategories.isWhiteSpace($0.value) } }
      if right {
        while let last = scalars.last, GeneralCategories.isWhiteSpace(last.value) { scalars.removeLast() }
      }
      return Array(String(Substring(scalars)).utf8)
    }
  }

  /// Whether text consists of characters that no composition changes, whatever stands beside them: a quick answer for
  /// most text in most languages.
  static func isSurelyComposed(_ bytes: [UInt8]) -> Bool {
    var position = 0
    let text = bytes.span
    while position < text.count {
      let lead = text[position]
      if lead < 0x80 {
        position += 1
        continue
      }
      let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
      guard position + length <= text.count else { return false }
      var value = UInt32(lead) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
      for offset in 1..<length { value = value << 6 | UInt32(text[position + offset] & 0x3F) }
      switch value {
      case 0x80...0x2FF, 0x400...0x482, 0x48A...0x590, 0x5D0...0x5EA, 0x621...0x64A, 0x2010...0x2027,
        0x2030...0x205E, 0x2190...0x22FF, 0x2500...0x27BF, 0x3000...0x3029, 0x3030...0x3098, 0x309B...0x4DBF,
        0x4E00...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFFEE, 0x1F300...0x1FAFF, 0x20000...0x2A6DF:
        position += length
      default: return false
      }
    }
    return true
  }
}
