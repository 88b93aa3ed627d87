extension ConfigurationObject {
  // MARK: - Integers

  /// A required integer in `range`.
  public func integer(_ key: String, in range: ClosedRange<Int> = .unbounded) throws(LoadError) -> Int {
    try integer(anyOf: [key], in: range)
  }

  /// A required integer in `range` under any of the spellings.
  public func integer(
    anyOf keys: [String], in range: ClosedRange<Int> = .unbounded
  ) throws(LoadError) -> Int {
    try require(keys, accepted: range.accepted) { $0.integer(in: range) }
  }

  /// An integer in `range`, or nil where the key is absent.
  public func integerIfPresent(
    _ key: String, in range: ClosedRange<Int> = .unbounded
  ) throws(LoadError) -> Int? {
    try integerIfPresent(anyOf: [key], in: range)
  }

  /// An integer in `range` under any of the spellings, or nil where all are absent.
  public func integerIfPresent(
    anyOf keys: [String], in range: ClosedRange<Int> = .unbounded
  ) throws(LoadError) -> Int? {
    try read(keys, accepted: range.accepted) { $0.integer(in: range) }
  }

  // MARK: - Floating point

  /// A required finite number in `range`.
  public func double(_ key: String, in range: ClosedRange<Double> = .finite) throws(LoadError) -> Double {
    try double(anyOf: [key], in: range)
  }

  /// A required finite number in `range` under any of the spellings.
  public func double(
    anyOf keys: [String], in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> Double {
    try require(keys, accepted: range.accepted) { $0.double(in: range) }
  }

  /// A finite number in `range`, or nil where the key is absent.
  public func doubleIfPresent(
    _ key: String, in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> Double? {
    try doubleIfPresent(anyOf: [key], in: range)
  }

  /// A finite number in `range` under any of the spellings, or nil where all are absent.
  public func doubleIfPresent(
    anyOf keys: [String], in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> Double? {
    try read(keys, accepted: range.accepted) { $0.double(in: range) }
  }

  /// A required number in `range`, rounded to single precision, in which it must stay finite.
  public func float(_ key: String, in range: ClosedRange<Double> = .finite) throws(LoadError) -> Float {
    try float(anyOf: [key], in: range)
  }

  /// A required number in `range` under any of the spellings, rounded to single precision.
  public func float(
    anyOf keys: [String], in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> Float {
    try Float(double(anyOf: keys, in: range.clamped(to: .singlePrecision)))
  }

  /// A number in `range`, rounded to single precision, or nil where the key is absent.
  public func floatIfPresent(
    _ key: String, in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> Float? {
    try floatIfPresent(anyOf: [key], in: range)
  }

  /// A number in `range` under any of the spellings, rounded to single precision, or nil where all are absent.
  public func floatIfPresent(
    anyOf keys: [String], in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> Float? {
    try doubleIfPresent(anyOf: keys, in: range.clamped(to: .singlePrecision)).map { Float($0) }
  }

  // MARK: - Booleans

  /// A required `true` or `false`.
  public func bool(_ key: String) throws(LoadError) -> Bool { try bool(anyOf: [key]) }

  /// A required `true` or `false` under any of the spellings.
  public func bool(anyOf keys: [String]) throws(LoadError) -> Bool {
    try require(keys, accepted: "true or false") { $0.bool }
  }

  /// `true` or `false`, or nil where the key is absent.
  public func boolIfPresent(_ key: String) throws(LoadError) -> Bool? { try boolIfPresent(anyOf: [key]) }

  /// `true` or `false` under any of the spellings, or nil where all are absent.
  public func boolIfPresent(anyOf keys: [String]) throws(LoadError) -> Bool? {
    try read(keys, accepted: "true or false") { $0.bool }
  }

  // MARK: - Strings

  /// A required string; where `choices` are given, one of them.
  public func string(_ key: String, oneOf choices: [String]? = nil) throws(LoadError) -> String {
    try string(anyOf: [key], oneOf: choices)
  }

  /// A required string under any of the spellings; where `choices` are given, one of them.
  public func string(anyOf keys: [String], oneOf choices: [String]? = nil) throws(LoadError) -> String {
    try require(keys, accepted: acceptedStrings(choices)) { $0.string(oneOf: choices) }
  }

  /// A string, or nil where the key is absent; where `choices` are given, one of them.
  public func stringIfPresent(_ key: String, oneOf choices: [String]? = nil) throws(LoadError) -> String? {
    try stringIfPresent(anyOf: [key], oneOf: choices)
  }

  /// A string under any of the spellings, or nil where all are absent; where `choices` are given, one of them.
  public func stringIfPresent(
    anyOf keys: [String], oneOf choices: [String]? = nil
  ) throws(LoadError) -> String? {
    try read(keys, accepted: acceptedStrings(choices)) { $0.string(oneOf: choices) }
  }

  private func acceptedStrings(_ choices: [String]?) -> String {
    choices.map { $0.map(LoadError.quoted).joined(separator: ", ") } ?? "a string"
  }
}

extension ClosedRange<Int> {
  /// Every integer.
  public static var unbounded: ClosedRange<Int> { Int.min...Int.max }

  fileprivate var accepted: String {
    switch (lowerBound, upperBound) {
    case (.min, .max): "an integer"
    case (_, .max): "an integer of at least \(lowerBound)"
    case (.min, _): "an integer of at most \(upperBound)"
    default: "an integer from \(lowerBound) to \(upperBound)"
    }
  }
}

extension ClosedRange<Double> {
  /// Every finite number.
  public static var finite: ClosedRange<Double> {
    -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
  }

  /// Every finite number above zero.
  public static var positive: ClosedRange<Double> {
    Double.leastNonzeroMagnitude...Double.greatestFiniteMagnitude
  }

  fileprivate static var singlePrecision: ClosedRange<Double> {
    Double(-Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
  }

  fileprivate var accepted: String {
    let hasLower = lowerBound > Self.singlePrecision.lowerBound
    let hasUpper = upperBound < Self.singlePrecision.upperBound
    if lowerBound == .leastNonzeroMagnitude {
      return hasUpper ? "a number above 0, up to \(upperBound)" : "a number above 0"
    }
    return switch (hasLower, hasUpper) {
    case (false, false): "a number"
    case (true, false): "a number of at least \(lowerBound)"
    case (false, true): "a number of at most \(upperBound)"
    case (true, true): "a number from \(lowerBound) to \(upperBound)"
    }
  }
}

extension JSONValue {
  /// The integer, where it lies in `range`. 4.0 is the integer 4.
  func integer(in range: ClosedRange<Int>) -> Int? {
    switch self {
    case .integer(let value): range.contains(value) ? value : nil
    case .number(let value): Int(exactly: value).flatMap { range.contains($0) ? $0 : nil }
    default: nil
    }
  }

  /// The number, where it lies in `range`.
  func double(in range: ClosedRange<Double>) -> Double? {
    switch self {
    case .integer(let value): range.contains(Double(value)) ? Double(value) : nil
    case .number(let value): range.contains(value) ? value : nil
    default: nil
    }
  }

  fileprivate var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The string, where it is one of the choices or none are given.
  func string(oneOf choices: [String]?) -> String? {
    guard case .string(let value) = self else { return nil }
    return choices?.contains(value) == false ? nil : value
  }
}
