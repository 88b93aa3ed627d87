/// Letter case, character by character as Python maps it.
extension PythonText {
  static func lowercased(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
    let scalars = Array(text.unicodeScalars)
    var result = ""
    for (index, scalar) in scalars.enumerated() {
      // A sigma at the end of a word has its own small letter.
      if scalar == "\u{3A3}", endsWord(scalars, at: index) {
        result += "\u{3C2}"
      } else {
        result += scalar.properties.lowercaseMapping
      }
    }
    return result
  }

  private static func endsWord(_ scalars: [Unicode.Scalar], at index: Int) -> Bool {
    let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
    let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
    return before?.properties.isCased == true && after?.properties.isCased != true
  }

  static func uppercased(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars { result += scalar.properties.uppercaseMapping }
    return result
  }

  /// The first letter large, the others small.
  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first else { return "" }
    return first.properties.titlecaseMapping
      + lowercased(string(Array(text.unicodeScalars.dropFirst())))
  }

  /// The method `title`: the first letter of every run of letters large, the others small.
  static func titled(_ text: String) -> String {
    var result = ""
    var followsLetter = false
    for scalar in text.unicodeScalars {
      result += followsLetter ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
      followsLetter = scalar.properties.isCased
    }
    return result
  }

  /// The filter `title`: words are what stands between blanks, hyphens and opening brackets.
  static func filterTitled(_ text: String) -> String {
    var result = ""
    var word: [Unicode.Scalar] = []
    func flush() {
      if let first = word.first {
        result += first.properties.uppercaseMapping + lowercased(string(word.dropFirst()))
      }
      word = []
    }
    for scalar in text.unicodeScalars {
      if isSpace(scalar) || ["-", "(", "{", "[", "<"].contains(scalar) {
        flush()
        result.unicodeScalars.append(scalar)
      } else {
        word.append(scalar)
      }
    }
    flush()
    return result
  }

  static func swappedCase(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      let properties = scalar.properties
      result += properties.isUppercase ? properties.lowercaseMapping : properties.uppercaseMapping
    }
    return result
  }

  /// Whether there are letters with case, and all of them are of the wanted one.
  static func isCased(_ text: String, upper: Bool) -> Bool {
    var found = false
    for scalar in text.unicodeScalars {
      let properties = scalar.properties
      if properties.isUppercase || properties.generalCategory == .titlecaseLetter {
        if !upper || properties.generalCategory == .titlecaseLetter { return false }
        found = true
      } else if properties.isLowercase {
        if upper { return false }
        found = true
      }
    }
    return found
  }
}
