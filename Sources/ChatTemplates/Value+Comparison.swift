extension Value {
  /// Whether two values are equal as Python sees it: `1 == 1.0 == True`, texts by their characters' codes.
  func equals(_ other: Value) -> Bool {
    switch (self, other) {
    case (.undefined, .undefined), (.none, .none): true
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
    case (.view(let name, let left), .view(let otherName, let right)):
      name == otherName && left.count == right.count && Self.haveEqualMembers(left, right, name)
    case (.dictionary(let left), .dictionary(let right)):
      left.count == right.count
        && zip(left.keys, left.values).allSatisfy { key, value in right[key].map(value.equals) ?? false }
    case (.generator(let left), .generator(let right)): left === right
    case (.namespace(let left), .namespace(let right)): left === right
    case (.macro(let left), .macro(let right)): left === right
    case (.loop(let left), .loop(let right)): left === right
    default:
      if let left = wholeNumber, let right = other.wholeNumber {
        left == right
      } else if let left = number, let right = other.number {
        left == right
      } else {
        false
      }
    }
  }

  /// Whether views of two dictionaries show the same, in whatever order. Views of values are never equal in Python.
  private static func haveEqualMembers(_ left: [Value], _ right: [Value], _ name: String) -> Bool {
    func entries(_ members: [Value]) -> ValueDictionary {
      var entries = ValueDictionary()
      for member in members {
        if name == "dict_items", case .tuple(let pair) = member {
          entries.set(pair[0], pair[1])
        } else {
          entries.set(member, .none)
        }
      }
      return entries
    }
    if name == "dict_values" { return false }
    return Value.dictionary(entries(left)).equals(.dictionary(entries(right)))
  }

  /// Whether this value comes before another one.
  func isLess(than other: Value, _ symbol: String = "<") throws(Failure) -> Bool {
    switch (self, other) {
    case (.string(let left), .string(let right)):
      // The order of UTF-8 bytes is the order of the characters' codes.
      return left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      for (one, another) in zip(left, right) where !one.equals(another) {
        return try one.isLess(than: another, symbol)
      }
      return left.count < right.count
    case (.undefined(let message), _), (_, .undefined(let message)): throw Failure(message)
    default:
      if let left = wholeNumber, let right = other.wholeNumber { return left < right }
      guard let left = number, let right = other.number else {
        throw Failure("'\(symbol)' not supported between instances of '\(typeName)' and '\(other.typeName)'")
      }
      return left < right
    }
  }

  /// Whether `element` is in this value, as the operator `in` asks.
  func contains(_ element: Value) throws(Failure) -> Bool {
    switch self {
    case .string(let text):
      guard case .string(let part) = element else {
        throw Failure("'in <string>' requires string as left operand, not \(element.typeName)")
      }
      return PythonText.find(part, in: text) != nil
    case .dictionary(let entries):
      if ValueKey(element) == nil { throw Failure("unhashable type: '\(element.typeName)'") }
      return entries[element] != nil
    default:
      guard let elements else { throw Failure("argument of type '\(typeName)' is not iterable") }
      return elements.contains { $0.equals(element) }
    }
  }

  /// What stands in for the value when texts are compared without regard to case.
  var ignoringCase: Value {
    if case .string(let text) = self { .string(PythonText.lowercased(text)) } else { self }
  }
}
