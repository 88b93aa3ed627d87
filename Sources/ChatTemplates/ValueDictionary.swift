/// A Python dictionary: values by key, in the order of insertion.
struct ValueDictionary {
  private(set) var keys: [Value] = []
  private(set) var values: [Value] = []
  private var positions: [ValueKey: Int] = [:]

  var count: Int { keys.count }
  var isEmpty: Bool { keys.isEmpty }

  /// The value under a key; nil where there is none, or where the key is of a kind that no key can be.
  subscript(_ key: Value) -> Value? {
    ValueKey(key).flatMap { positions[$0] }.map { values[$0] }
  }

  subscript(_ key: String) -> Value? { self[.string(key)] }

  /// Sets a value. False where the key is of a kind that no key can be, such as a list.
  @discardableResult
  mutating func set(_ key: Value, _ value: Value) -> Bool {
    guard let hashable = ValueKey(key) else { return false }
    if let position = positions[hashable] {
      values[position] = value
    } else {
      positions[hashable] = keys.count
      keys.append(key)
      values.append(value)
    }
    return true
  }

  /// Key and value pairs, as tuples.
  var items: [Value] { zip(keys, values).map { .tuple([$0, $1]) } }
}

/// A value by which things can be found; equal numbers are equal keys, whatever their type.
enum ValueKey: Hashable {
  case none
  case whole(Int)
  case fraction(Double)
  /// The bytes: texts that only look the same are different keys.
  case text(ContiguousArray<UInt8>)
  case tuple([ValueKey])
  case undefined

  init?(_ value: Value, depth: Int = 0) {
    switch value {
    case .none: self = .none
    case .undefined: self = .undefined
    case .string(let text): self = .text(ContiguousArray(text.utf8))
    case .float(let number): self = Int(exactly: number).map(ValueKey.whole) ?? .fraction(number)
    case .tuple(let elements):
      // Large tuples as keys would make look-ups slow; nobody needs them.
      guard elements.count <= 64, depth < 4 else { return nil }
      var keys: [ValueKey] = []
      for element in elements {
        guard let key = ValueKey(element, depth: depth + 1) else { return nil }
        keys.append(key)
      }
      self = .tuple(keys)
    default:
      guard let number = value.wholeNumber else { return nil }
      self = .whole(number)
    }
  }
}
