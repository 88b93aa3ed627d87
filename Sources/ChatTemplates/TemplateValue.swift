/// A value that a template works on: what JSON can say, with integers apart from fractions and keys kept in order.
public indirect enum TemplateValue: Sendable {
  /// JSON's null, Python's None.
  case null
  /// True or false.
  case bool(Bool)
  /// A whole number.
  case int(Int)
  /// A number with a fraction.
  case float(Double)
  /// Text.
  case string(String)
  /// Values in a row.
  case list([TemplateValue])
  /// Values by name, in the order of insertion.
  case dictionary(TemplateDictionary)
}

extension TemplateValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  /// Makes text.
  public init(stringLiteral value: String) { self = .string(value) }
}

extension TemplateValue: ExpressibleByBooleanLiteral {
  /// Makes a truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension TemplateValue: ExpressibleByIntegerLiteral {
  /// Makes a whole number.
  public init(integerLiteral value: Int) { self = .int(value) }
}

extension TemplateValue: ExpressibleByFloatLiteral {
  /// Makes a number with a fraction.
  public init(floatLiteral value: Double) { self = .float(value) }
}

extension TemplateValue: ExpressibleByNilLiteral {
  /// Makes null.
  public init(nilLiteral: ()) { self = .null }
}

extension TemplateValue: ExpressibleByArrayLiteral {
  /// Makes a list.
  public init(arrayLiteral elements: TemplateValue...) { self = .list(elements) }
}

extension TemplateValue: ExpressibleByDictionaryLiteral {
  /// Makes a dictionary; a name that comes twice keeps its first place and its last value.
  public init(dictionaryLiteral elements: (String, TemplateValue)...) {
    self = .dictionary(TemplateDictionary(elements))
  }
}

extension TemplateValue: Equatable {
  /// Whether two values are the same, compared as JSON: texts by their characters' codes, dictionaries in any order.
  public static func == (left: TemplateValue, right: TemplateValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.int(let left), .int(let right)): left == right
    case (.float(let left), .float(let right)): left == right
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    case (.list(let left), .list(let right)): left == right
    case (.dictionary(let left), .dictionary(let right)): left == right
    default: false
    }
  }
}

extension TemplateValue {
  /// The text, where the value is one.
  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The elements, where the value is a list.
  public var list: [TemplateValue]? {
    if case .list(let elements) = self { elements } else { nil }
  }

  /// The entries, where the value is a dictionary.
  public var dictionary: TemplateDictionary? {
    if case .dictionary(let entries) = self { entries } else { nil }
  }

  /// The truth value, where the value is one.
  public var bool: Bool? {
    if case .bool(let truth) = self { truth } else { nil }
  }

  /// The whole number, where the value is one.
  public var int: Int? {
    if case .int(let number) = self { number } else { nil }
  }

  /// What a dictionary holds under a name; nil for other values and missing names.
  public subscript(_ key: String) -> TemplateValue? { dictionary?[key] }

  /// Whether the value is null.
  public var isNull: Bool {
    if case .null = self { true } else { false }
  }
}
