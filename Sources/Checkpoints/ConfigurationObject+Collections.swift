extension ConfigurationObject {
  // MARK: - Objects

  /// A required object inside this one.
  public func object(_ key: String) throws(LoadError) -> ConfigurationObject {
    let members = try require([key], accepted: "an object") { $0.members }
    return ConfigurationObject(file: file, path: path + [key], members: members)
  }

  /// An object inside this one, or nil where the key is absent.
  public func objectIfPresent(_ key: String) throws(LoadError) -> ConfigurationObject? {
    let members = try read([key], accepted: "an object") { $0.members }
    return members.map { ConfigurationObject(file: file, path: path + [key], members: $0) }
  }

  // MARK: - Arrays

  /// A required array of integers in `range`, of `count` elements where one is given. With `acceptsSingle` a bare
  /// integer is an array of one, as `eos_token_id` has it.
  public func integers(
    _ key: String, count: Int? = nil, in range: ClosedRange<Int> = .unbounded, acceptsSingle: Bool = false
  ) throws(LoadError) -> [Int] {
    try require([key], accepted: acceptedArray("integers", count)) {
      $0.elements(count, acceptsSingle) { $0.integer(in: range) }
    }
  }

  /// An array of integers as in `integers`, or nil where the key is absent.
  public func integersIfPresent(
    _ key: String, count: Int? = nil, in range: ClosedRange<Int> = .unbounded, acceptsSingle: Bool = false
  ) throws(LoadError) -> [Int]? {
    try read([key], accepted: acceptedArray("integers", count)) {
      $0.elements(count, acceptsSingle) { $0.integer(in: range) }
    }
  }

  /// A required array of finite numbers in `range`, of `count` elements where one is given.
  public func doubles(
    _ key: String, count: Int? = nil, in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> [Double] {
    try require([key], accepted: acceptedArray("numbers", count)) {
      $0.elements(count, false) { $0.double(in: range) }
    }
  }

  /// An array of numbers as in `doubles`, or nil where the key is absent.
  public func doublesIfPresent(
    _ key: String, count: Int? = nil, in range: ClosedRange<Double> = .finite
  ) throws(LoadError) -> [Double]? {
    try read([key], accepted: acceptedArray("numbers", count)) {
      $0.elements(count, false) { $0.double(in: range) }
    }
  }

  /// A required array of strings.
  public func strings(_ key: String) throws(LoadError) -> [String] {
    try require([key], accepted: acceptedArray("strings", nil)) {
      $0.elements(nil, false) { $0.string(oneOf: nil) }
    }
  }

  /// An array of strings, or nil where the key is absent.
  public func stringsIfPresent(_ key: String) throws(LoadError) -> [String]? {
    try read([key], accepted: acceptedArray("strings", nil)) {
      $0.elements(nil, false) { $0.string(oneOf: nil) }
    }
  }

  private func acceptedArray(_ elements: String, _ count: Int?) -> String {
    count.map { "an array of \($0) \(elements)" } ?? "an array of \(elements)"
  }
}

extension JSONValue {
  fileprivate var members: [String: JSONValue]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// The elements of an array, all of which must convert.
  fileprivate func elements<Element>(
    _ count: Int?, _ acceptsSingle: Bool, _ convert: (JSONValue) -> Element?
  ) -> [Element]? {
    guard case .array(let values) = self else {
      return acceptsSingle ? convert(self).map { [$0] } : nil
    }
    let elements = values.compactMap(convert)
    return elements.count == values.count && (count ?? values.count) == values.count ? elements : nil
  }
}
