/// A piece of a template's source, as the parser sees it.
struct Token: Equatable {
  enum Kind: Equatable {
    /// Text that is copied to the output.
    case text(String)
    case blockBegin
    case blockEnd
    case printBegin
    case printEnd
    case name(String)
    case string(String)
    case integer(Int)
    case float(Double)
    /// Punctuation, such as `==` or `(`.
    case symbol(String)
    case end
  }

  let kind: Kind
  let line: Int

  /// The token as an error message shows it.
  var description: String {
    switch kind {
    case .text: "text"
    case .blockBegin: "{%"
    case .blockEnd: "%}"
    case .printBegin: "{{"
    case .printEnd: "}}"
    case .name(let name): name
    case .string(let text): "'\(text)'"
    case .integer(let number): "\(number)"
    case .float(let number): "\(number)"
    case .symbol(let symbol): symbol
    case .end: "the end of the template"
    }
  }
}
