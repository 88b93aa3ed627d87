/// Divides a template into tokens.
///
/// White space around tags is treated as transformers sets Jinja up: `trim_blocks` (a line end right after a block or
/// comment is dropped) and `lstrip_blocks` (blanks in front of a block or comment that begins a line are dropped).
struct Lexer {
  private let source: [Unicode.Scalar]
  private var position = 0
  private var line = 1
  private var tokens: [Token] = []
  /// Whether what was read last ended with a line end.
  private var isLineStart = true

  /// The tokens of `source`, with `.end` as the last one.
  static func tokens(of source: String) throws(TemplateError) -> [Token] {
    var lexer = Lexer(source)
    try lexer.run()
    return lexer.tokens
  }

  private init(_ text: String) {
    // Every kind of line end counts as one, and one at the very end of a template is dropped.
    var scalars: [Unicode.Scalar] = []
    var previous: Unicode.Scalar = " "
    for scalar in text.unicodeScalars {
      if scalar != "\n" || previous != "\r" { scalars.append(scalar == "\r" ? "\n" : scalar) }
      previous = scalar
    }
    if scalars.last == "\n" { scalars.removeLast() }
    source = scalars
  }

  // MARK: - Text and tags

  private mutating func run() throws(TemplateError) {
    while position < source.count {
      guard let tag = nextTag() else {
        append(text: source[position...])
        break
      }
      let sign = scalar(tag + 2)
      let kind = source[tag + 1]
      var text = source[position..<tag]
      let whole = text
      if sign == "-" {
        while let last = text.last, PythonText.isSpace(last) { text.removeLast() }
      } else if sign != "+", kind != "{" {
        stripBlanks(before: &text)
      }
      append(text: text)
      countLines(whole.dropFirst(text.count))
      position = tag + 2 + (sign == "-" || sign == "+" ? 1 : 0)
      isLineStart = false
      switch kind {
      case "#": try skipComment()
      case "%" where try skipRawBlock(): continue
      case "%":
        add(.blockBegin)
        try readCode(closing: "%", end: .blockEnd)
      default:
        add(.printBegin)
        try readCode(closing: "}", end: .printEnd)
      }
    }
    add(.end)
  }

  private func nextTag() -> Int? {
    var candidate = position
    while candidate + 1 < source.count {
      if source[candidate] == "{", ["%", "{", "#"].contains(source[candidate + 1]) { return candidate }
      candidate += 1
    }
    return nil
  }

  /// Drops blanks between the beginning of the line and a tag.
  private func stripBlanks(before text: inout ArraySlice<Unicode.Scalar>) {
    let lineBegin = text.lastIndex(of: "\n").map { $0 + 1 }
    guard lineBegin != nil || isLineStart else { return }
    let start = lineBegin ?? text.startIndex
    if text[start...].allSatisfy(PythonText.isSpace) { text = text[..<start] }
  }

  /// Passes the end of a tag, whose sign is at `position` if it has one, and the white space that goes with it.
  private mutating func passEnd(sign: Unicode.Scalar?, dropsLineEnd: Bool) {
    position += sign == nil ? 2 : 3
    let start = position
    if sign == "-" {
      while let next = scalar(position), PythonText.isSpace(next) { position += 1 }
    } else if sign != "+", dropsLineEnd, scalar(position) == "\n" {
      position += 1
    }
    countLines(source[start..<position])
    isLineStart = scalar(position - 1) == "\n"
  }

  private mutating func skipComment() throws(TemplateError) {
    let begin = line
    while position < source.count {
      if let sign = endSign(closing: "#") {
        passEnd(sign: sign, dropsLineEnd: true)
        return
      }
      countLines(source[position...position])
      position += 1
    }
    throw TemplateError(.syntax, "a comment does not end", line: begin)
  }

  /// The sign of the tag end at `position`: nil for no tag end, an inner nil for an end without a sign.
  private func endSign(closing: Unicode.Scalar, allowsPlus: Bool = true) -> Unicode.Scalar?? {
    let first = scalar(position)
    if first == closing, scalar(position + 1) == "}" { return .some(nil) }
    guard first == "-" || (first == "+" && allowsPlus) else { return nil }
    return scalar(position + 1) == closing && scalar(position + 2) == "}" ? .some(first) : nil
  }

  /// Copies a `raw` block to the output if one begins here.
  private mutating func skipRawBlock() throws(TemplateError) -> Bool {
    let begin = line
    guard let body = passWord("raw", from: position) else { return false }
    position = body
    guard let sign = endSign(closing: "%", allowsPlus: false) else {
      position = body - 3
      return false
    }
    passEnd(sign: sign, dropsLineEnd: false)
    let start = position
    var candidate = start
    while candidate + 1 < source.count {
      defer { candidate += 1 }
      guard source[candidate] == "{", source[candidate + 1] == "%" else { continue }
      let sign = scalar(candidate + 2)
      let hasSign = sign == "-" || sign == "+"
      guard let after = passWord("endraw", from: candidate + (hasSign ? 3 : 2)) else { continue }
      position = after
      guard let closing = endSign(closing: "%") else { continue }
      var text = source[start..<candidate]
      if sign == "-" {
        while let last = text.last, PythonText.isSpace(last) { text.removeLast() }
      } else if sign != "+" {
        stripBlanks(before: &text)
      }
      append(text: text)
      countLines(source[start..<after].dropFirst(text.count))
      passEnd(sign: closing, dropsLineEnd: true)
      return true
    }
    throw TemplateError(.syntax, "a raw block does not end", line: begin)
  }

  /// The position after a word and the blanks around it, or nil where another word stands.
  private func passWord(_ word: String, from start: Int) -> Int? {
    var next = start
    while let scalar = scalar(next), PythonText.isSpace(scalar) { next += 1 }
    for expected in word.unicodeScalars {
      guard scalar(next) == expected else { return nil }
      next += 1
    }
    while let scalar = scalar(next), PythonText.isSpace(scalar) { next += 1 }
    return next
  }

  // MARK: - Code

  private mutating func readCode(closing: Unicode.Scalar, end: Token.Kind) throws(TemplateError) {
    let begin = line
    var open: [Unicode.Scalar] = []
    while position < source.count {
      if open.isEmpty, let sign = endSign(closing: closing, allowsPlus: closing == "%") {
        add(end)
        passEnd(sign: sign, dropsLineEnd: closing == "%")
        return
      }
      let first = source[position]
      if PythonText.isSpace(first) {
        countLines(source[position...position])
        position += 1
      } else if first.properties.numericType == .decimal, first.isASCII {
        try readNumber()
      } else if first == "_" || first.properties.isXIDStart {
        readName()
      } else if first == "'" || first == "\"" {
        try readString(quote: first)
      } else {
        try readSymbol(&open)
      }
    }
    throw TemplateError(.syntax, "a tag does not end", line: begin)
  }

  private mutating func readName() {
    let start = position
    while let next = scalar(position), next == "_" || next.properties.isXIDContinue { position += 1 }
    add(.name(string(source[start..<position])))
  }

  private mutating func readSymbol(_ open: inout [Unicode.Scalar]) throws(TemplateError) {
    let first = source[position]
    let pair = position + 1 < source.count ? string(source[position...position + 1]) : ""
    if ["//", "**", "==", "!=", ">=", "<="].contains(pair) {
      position += 2
      return add(.symbol(pair))
    }
    guard "+-/*%~[](){}><=.:|,;".unicodeScalars.contains(first) else {
      throw TemplateError(.syntax, "unexpected character '\(first)'", line: line)
    }
    switch first {
    case "(": open.append(")")
    case "[": open.append("]")
    case "{": open.append("}")
    case ")", "]", "}":
      guard open.popLast() == first else { throw TemplateError(.syntax, "unexpected '\(first)'", line: line) }
    default: break
    }
    position += 1
    add(.symbol(String(Character(first))))
  }

  private mutating func readNumber() throws(TemplateError) {
    var literal = NumberLiteral(source, at: position, followsDot: position > 0 && source[position - 1] == ".")
    guard let kind = literal.read() else {
      throw TemplateError(.syntax, "a number is out of range", line: line)
    }
    position = literal.position
    add(kind)
  }

  private mutating func readString(quote: Unicode.Scalar) throws(TemplateError) {
    let begin = line
    let start = position + 1
    var end = start
    while end < source.count, source[end] != quote { end += source[end] == "\\" ? 2 : 1 }
    guard end < source.count else { throw TemplateError(.syntax, "a string does not end", line: begin) }
    guard let text = PythonText.unescaped(source[start..<end]) else {
      throw TemplateError(.syntax, "a string has an escape that is not understood", line: begin)
    }
    add(.string(text))
    countLines(source[start..<end])
    position = end + 1
  }

  // MARK: - Parts

  private func scalar(_ index: Int) -> Unicode.Scalar? {
    source.indices.contains(index) ? source[index] : nil
  }

  private func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    return text
  }

  private mutating func add(_ kind: Token.Kind) {
    tokens.append(Token(kind: kind, line: line))
  }

  private mutating func append(text: ArraySlice<Unicode.Scalar>) {
    if !text.isEmpty { add(.text(string(text))) }
    countLines(text)
  }

  private mutating func countLines(_ text: ArraySlice<Unicode.Scalar>) {
    line += text.count { $0 == "\n" }
  }
}
