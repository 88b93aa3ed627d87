/// Columns that text takes on a terminal.
enum DisplayWidth {
  /// Wide and fullwidth scalars that have no emoji presentation: Unicode's East Asian Width W and F (UAX 11), in blocks.
  private static let wideRanges: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
    0xA000...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
    0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F265,
    0x20000...0x3FFFD,
  ]

  /// Columns of a character, as `printable` shows it.
  static func of(_ character: Character) -> Int {
    if let ascii = character.asciiValue, character != "\r\n" { return ascii < 0x20 || ascii == 0x7F ? 2 : 1 }
    let scalars = character.unicodeScalars
    if isControl(character) { return 1 }
    // A cluster is as wide as its widest scalar; a variation selector asks for the wide picture, two regional letters are
    // a flag.
    if scalars.contains("\u{FE0F}") { return 2 }
    return scalars.reduce(0) { max($0, width($1)) }
  }

  /// Columns of a text without line breaks.
  static func of(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + of($1) } }

  /// What is written for a character, so that nothing in a text can move the cursor: control characters as ^X.
  static func printable(_ character: Character) -> String {
    if let ascii = character.asciiValue, ascii < 0x20 || ascii == 0x7F {
      return "^" + String(UnicodeScalar(ascii ^ 0x40))
    }
    return isControl(character) ? "\u{FFFD}" : String(character)
  }

  /// As much of a text without line breaks as fits into some columns.
  static func prefix(of text: String, columns: Int) -> String {
    var used = 0
    return String(
      text.prefix {
        used += of($0)
        return used <= columns
      })
  }

  private static func isControl(_ character: Character) -> Bool {
    character.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  private static func width(_ scalar: UnicodeScalar) -> Int {
    let value = scalar.value
    if value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // Vowels and finals, which join the Hangul letter before them.
    if (0x1160...0x11FF).contains(value) { return 0 }
    if scalar.properties.isEmojiPresentation || (0x1F1E6...0x1F1FF).contains(value) { return 2 }
    return wideRanges.contains { $0.contains(value) } ? 2 : 1
  }
}
