/// Values by name, in the order of insertion.
public struct TemplateDictionary: Sendable {
  /// The names, in order.
  public private(set) var keys: [String] = []
  private var valuesByKey: [String: TemplateValue] = [:]

  /// An empty dictionary.
  public init() {}

  /// A dictionary of some entries; a name that comes twice keeps its first place and its last value.
  public init(_ entries: some Sequence<(String, TemplateValue)>) {
    for (key, value) in entries { self[key] = value }
  }

  /// What stands under a name. Setting nil removes the entry, which takes time in proportion to the number of entries.
  public subscript(_ key: String) -> TemplateValue? {
    get { valuesByKey[key] }
    set {
      let old = valuesByKey.updateValue(newValue ?? .null, forKey: key)
      if old == nil { keys.append(key) }
      if newValue == nil {
        valuesByKey[key] = nil
        keys.removeAll { $0 == key }
      }
    }
  }

  /// The number of entries.
  public var count: Int { keys.count }

  /// Whether there are no entries.
  public var isEmpty: Bool { keys.isEmpty }

  /// The values, in the order of their names.
  public var values: [TemplateValue] { keys.map { valuesByKey[$0] ?? .null } }
}

extension TemplateDictionary: Equatable {
  /// Whether two dictionaries hold the same values under the same names, in any order.
  public static func == (left: TemplateDictionary, right: TemplateDictionary) -> Bool {
    left.valuesByKey == right.valuesByKey
  }
}

extension TemplateDictionary: Sequence {
  /// Walks over the entries in order.
  public func makeIterator() -> AnyIterator<(key: String, value: TemplateValue)> {
    var position = 0
    return AnyIterator {
      guard position < keys.count else { return nil }
      defer { position += 1 }
      return (keys[position], valuesByKey[keys[position]] ?? .null)
    }
  }
}
