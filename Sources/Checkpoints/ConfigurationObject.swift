public import Foundation

/// A JSON object of hyperparameters, such as `config.json`, read by typed accessors.
///
/// A key may be a path: `"rope_scaling.factor"` looks for exactly that key, then inside the object `rope_scaling`.
/// A value of `null` counts as absent. Every error names the file, the full key path, what was found and what is
/// accepted:
///
///     let layers = try configuration.integer("num_hidden_layers", in: 1...1000)
///     let theta = try configuration.float(anyOf: ["rope_parameters.rope_theta", "rope_theta"])
///
/// Each accessor has a form ending in `IfPresent` that returns nil for an absent key. Those of single values have a form
/// that takes `anyOf`, the spellings of one setting: the first present wins, two that disagree are an error naming both.
public struct ConfigurationObject: Sendable {
  /// The largest file read as configuration.
  static let maximumFileSize = 16_000_000

  /// The file the object stands in.
  public let file: String
  /// The keys that lead to this object; empty for the file's outermost one.
  public let path: [String]

  private let members: [String: JSONValue]

  /// Reads a JSON file.
  public init(file url: URL) throws(LoadError) {
    let bytes = try readWholeFile(url.path, limit: Self.maximumFileSize)
    try self.init(bytes: bytes, file: url.path)
  }

  /// Reads JSON already in memory; `file` is its name in errors.
  public init(json: Data, file: String) throws(LoadError) {
    try self.init(bytes: Array(json), file: file)
  }

  private init(bytes: [UInt8], file: String) throws(LoadError) {
    let document = try JSONReader.document(bytes, file: file)
    guard case .object(let members) = document else {
      throw LoadError(
        .malformed, file: file, problem: "not a configuration", found: document.summary,
        accepted: "a JSON object")
    }
    self.init(file: file, path: [], members: members)
  }

  init(file: String, path: [String], members: [String: JSONValue]) {
    self.file = file
    self.path = path
    self.members = members
  }

  // MARK: - Basics

  /// All keys of this object, sorted.
  public var keys: [String] { members.keys.sorted() }

  /// Whether the key is there with a value other than `null`.
  public func has(_ key: String) -> Bool { value(key) != nil }

  /// The error for a key whose value is well-formed but wrong: its value is quoted as what was found.
  public func unsuitable(
    _ key: String, problem: String = "has an unsuitable value", accepted: String
  ) -> LoadError {
    LoadError(
      .unsuitable, file: file, place: place(of: key), problem: problem,
      found: value(key)?.summary ?? "nothing", accepted: accepted)
  }

  /// The error for a key whose value asks for something that this runtime does not have.
  public func unsupported(
    _ key: String, problem: String = "is not supported", accepted: String
  ) -> LoadError {
    LoadError(
      .unsupported, file: file, place: place(of: key), problem: problem,
      found: value(key)?.summary ?? "nothing", accepted: accepted)
  }

  // MARK: - Lookup

  /// The value other than `null` under a key or key path.
  func value(_ key: String) -> JSONValue? {
    if let value = members[key] { return value == .null ? nil : value }
    var current = members
    var components = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let last = components.popLast() else { return nil }
    for component in components {
      guard case .object(let inner) = current[component] else { return nil }
      current = inner
    }
    guard let value = current[last], value != .null else { return nil }
    return value
  }

  /// The first value present under one of the spellings, converted; all spellings present must agree.
  func read<Value: Equatable>(
    _ keys: [String], accepted: String, _ convert: (JSONValue) -> Value?
  ) throws(LoadError) -> Value? {
    var first: (key: String, value: Value)?
    for key in keys {
      guard let raw = value(key) else { continue }
      guard let value = convert(raw) else { throw unsuitable(key, accepted: accepted) }
      if let first, first.value != value { throw disagreement(first.key, key) }
      if first == nil { first = (key, value) }
    }
    return first?.value
  }

  /// As `read`, for a key that must be there.
  func require<Value: Equatable>(
    _ keys: [String], accepted: String, _ convert: (JSONValue) -> Value?
  ) throws(LoadError) -> Value {
    if let value = try read(keys, accepted: accepted, convert) { return value }
    throw LoadError(
      .missing, file: file, place: keys.map(place(of:)).joined(separator: " or "), problem: "is missing",
      accepted: accepted)
  }

  private func place(of key: String) -> String {
    "key " + LoadError.quoted((path + [key]).joined(separator: "."))
  }

  private func disagreement(_ first: String, _ second: String) -> LoadError {
    let values = [first, second].map { "\($0) = \(value($0)?.summary ?? "nothing")" }
    return LoadError(
      .unsuitable, file: file, place: "\(place(of: first)) and \(place(of: second))",
      problem: "two spellings of one setting disagree", found: values.joined(separator: ", "),
      accepted: "one of them, or equal values")
  }
}
