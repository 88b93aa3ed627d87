/// A value while a template runs: data as Python has it, and the objects that only templates know.
enum Value {
  /// The value of a name that nobody set, with the message for whoever uses it.
  case undefined(String)
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
  case list([Value])
  case tuple([Value])
  case dictionary(ValueDictionary)
  /// What a dictionary's `keys()`, `values()` and `items()` return.
  case view(String, [Value])
  case generator(Generator)
  case namespace(Namespace)
  case macro(Macro)
  case function(Function)
  case loop(LoopState)

  init(_ value: TemplateValue) {
    switch value {
    case .null: self = .none
    case .bool(let truth): self = .bool(truth)
    case .int(let number): self = .int(number)
    case .float(let number): self = .float(number)
    case .string(let text): self = .string(text)
    case .list(let elements): self = .list(elements.map(Value.init))
    case .dictionary(let entries):
      var dictionary = ValueDictionary()
      for (key, value) in entries { dictionary.set(.string(key), Value(value)) }
      self = .dictionary(dictionary)
    }
  }

  /// The name of the type, as Python calls it.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .int: "int"
    case .float: "float"
    case .string: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .view(let name, _): name
    case .generator: "generator"
    case .namespace: "Namespace"
    case .macro: "Macro"
    case .function: "function"
    case .loop: "LoopContext"
    }
  }

  var isUndefined: Bool {
    if case .undefined = self { true } else { false }
  }

  var isNone: Bool {
    if case .none = self { true } else { false }
  }

  /// Whether the value counts as true in a condition.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let truth): truth
    case .int(let number): number != 0
    case .float(let number): number != 0
    case .string(let text): !text.isEmpty
    case .list(let elements), .tuple(let elements), .view(_, let elements): !elements.isEmpty
    case .dictionary(let entries): !entries.isEmpty
    case .generator, .namespace, .macro, .function, .loop: true
    }
  }

  /// The value as a whole number, where Python takes it for one (True counts as 1).
  var wholeNumber: Int? {
    switch self {
    case .int(let number): number
    case .bool(let truth): truth ? 1 : 0
    default: nil
    }
  }

  /// The value as a number, where Python takes it for one.
  var number: Double? {
    if case .float(let number) = self { number } else { wholeNumber.map(Double.init) }
  }

  /// The elements that a loop walks over, or nil where the value cannot be walked over.
  var elements: [Value]? {
    switch self {
    case .undefined: []
    case .list(let elements), .tuple(let elements), .view(_, let elements): elements
    case .string(let text): text.unicodeScalars.map { .string(String(Character($0))) }
    case .dictionary(let entries): entries.keys
    case .generator(let generator): generator.takeAll()
    default: nil
    }
  }

  /// The number of elements, or nil where Python's `len` fails.
  var length: Int? {
    switch self {
    case .undefined: 0
    case .string(let text): text.unicodeScalars.count
    case .list(let elements), .tuple(let elements), .view(_, let elements): elements.count
    case .dictionary(let entries): entries.count
    case .loop(let loop): loop.elements.count
    default: nil
    }
  }
}
