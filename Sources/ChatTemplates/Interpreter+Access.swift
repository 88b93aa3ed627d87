/// Attributes, elements and slices of values.
extension Interpreter {
  /// `value.name`: a method or attribute first, then what a dictionary holds under the name.
  func attribute(_ name: String, of value: Value) throws(Failure) -> Value {
    if case .undefined(let message) = value { throw Failure(message) }
    if let attribute = ownAttribute(name, of: value) { return attribute }
    if case .dictionary(let entries) = value, let entry = entries[name] { return entry }
    return .undefined("'\(value.typeName) object' has no attribute '\(name)'")
  }

  /// `value[index]`: an element first, then an attribute.
  func element(_ index: Value, of value: Value) throws(Failure) -> Value {
    if case .undefined(let message) = value { throw Failure(message) }
    try chargeLook(index)
    if let element = try ownElement(index, of: value) { return element }
    if case .string(let name) = index, let attribute = ownAttribute(name, of: value) { return attribute }
    return .undefined("\(value.typeName) object has no element \(index.representation)")
  }

  private func ownAttribute(_ name: String, of value: Value) -> Value? {
    switch value {
    case .namespace(let namespace): namespace.attributes[name]
    case .loop(let loop): loop.attribute(name)
    case .string(let text): StringMethods.method(name, of: text).map(Value.function)
    case .dictionary(let entries): CollectionMethods.method(name, of: entries).map(Value.function)
    case .list(let elements): CollectionMethods.method(name, of: elements, isList: true).map(Value.function)
    case .tuple(let elements): CollectionMethods.method(name, of: elements, isList: false).map(Value.function)
    case .macro(let macro):
      switch name {
      case "name": .string(macro.definition.name)
      case "arguments": .tuple(macro.definition.parameters.map { .string($0.name) })
      case "catch_kwargs": .bool(macro.definition.takesMoreNamed)
      case "catch_varargs": .bool(macro.definition.takesMorePositional)
      default: nil
      }
    case .function(let function) where function.name == "dict" && name == "fromkeys":
      .function(
        Function("fromkeys") { (interpreter, arguments) throws(Failure) in
          let values = try arguments.bound("fromkeys", "iterable", "value")
          guard
            let keys = try values[0].flatMap({ (keys) throws(Failure) in try interpreter.elements(of: keys) })
          else { throw Failure("fromkeys needs something iterable") }
          try interpreter.reserve(objects: keys.count)
          var dictionary = ValueDictionary()
          for key in keys { dictionary.set(key, (values[1] ?? nil) ?? .none) }
          return .dictionary(dictionary)
        })
    default: nil
    }
  }

  private func ownElement(_ index: Value, of value: Value) throws(Failure) -> Value? {
    switch value {
    case .dictionary(let entries): return entries[index]
    case .namespace(let namespace): return namespace.attributes[index]
    case .list(let elements), .tuple(let elements):
      return index.wholeNumber.flatMap { Self.position($0, elements.count) }.map { elements[$0] }
    case .string(let text):
      guard let number = index.wholeNumber else { return nil }
      try charge(text.utf8.count / 64)
      let scalars = Array(text.unicodeScalars)
      return Self.position(number, scalars.count).map { .string(String(Character(scalars[$0]))) }
    default: return nil
    }
  }

  /// A position counted from the front, or from the back where it is negative; nil outside.
  private static func position(_ index: Int, _ count: Int) -> Int? {
    let position = index < 0 ? index + count : index
    return position >= 0 && position < count ? position : nil
  }

  /// `value[start:stop:step]`.
  func slice(_ value: Value, _ start: Value, _ stop: Value, _ step: Value) throws(Failure) -> Value {
    func bound(_ value: Value) throws(Failure) -> Int? {
      if value.isNone { return nil }
      guard let number = value.wholeNumber else { throw Failure("slice indices must be integers or None") }
      return number
    }
    let bounds = (try bound(start), try bound(stop), try bound(step))
    if bounds.2 == 0 { throw Failure("slice step cannot be zero") }
    func cut<Element>(_ elements: [Element]) -> [Element] {
      Self.positions(count: elements.count, start: bounds.0, stop: bounds.1, step: bounds.2 ?? 1).map {
        elements[$0]
      }
    }
    if case .string = value { try chargeLook(value) } else { try charge(value.length ?? 0) }
    switch value {
    case .undefined(let message): throw Failure(message)
    case .string(let text): return .string(PythonText.string(cut(Array(text.unicodeScalars))))
    case .list(let elements): return .list(cut(elements))
    case .tuple(let elements): return .tuple(cut(elements))
    default: return .undefined("\(value.typeName) object cannot be sliced")
    }
  }

  /// The positions that a slice of `count` elements takes, by Python's rules.
  private static func positions(count: Int, start: Int?, stop: Int?, step: Int) -> [Int] {
    func clamped(_ bound: Int?, _ standard: Int) -> Int {
      guard let bound else { return standard }
      let (lowest, highest) = step > 0 ? (0, count) : (-1, count - 1)
      let absolute = bound < 0 ? max(bound, -count - 1) + count : bound
      return min(max(absolute, lowest), highest)
    }
    let first = clamped(start, step > 0 ? 0 : count - 1)
    let end = clamped(stop, step > 0 ? count : -1)
    // A step beyond the ends takes one element, whatever its size.
    return Array(stride(from: first, to: end, by: min(max(step, -count - 1), count + 1)))
  }
}
