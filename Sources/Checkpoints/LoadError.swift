/// Why a checkpoint could not be loaded: what was wrong, where, what was found and what is accepted.
public struct LoadError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The families of failure.
  public enum Kind: String, Sendable, CaseIterable {
    /// A file or folder is absent, or the system refuses to read it.
    case unreadable
    /// A file is not what its format says: broken JSON, offsets outside the file.
    case malformed
    /// A key or a tensor is not there.
    case missing
    /// A key or a tensor is there with a value, type or shape that does not fit.
    case unsuitable
    /// A valid thing that this runtime does not know.
    case unsupported
    /// Tensors that nothing asked for.
    case unexpected
  }

  /// The family of failure.
  public let kind: Kind
  /// The file or folder, as a path.
  public let file: String
  /// Where in the file: `key "rope_scaling.factor"`, `tensor "lm_head.weight"`, `byte 12`.
  public let place: String?
  /// What was wrong.
  public let problem: String
  /// What stood there.
  public let found: String?
  /// What would have been right.
  public let accepted: String?

  /// Describes a failure. Text taken from a file belongs in quotes made by `LoadError.quoted(_:)`.
  public init(
    _ kind: Kind, file: String, place: String? = nil, problem: String, found: String? = nil,
    accepted: String? = nil
  ) {
    self.kind = kind
    self.file = file
    self.place = place
    self.problem = problem
    self.found = found
    self.accepted = accepted
  }

  /// One line, and a second one where there is something to say about what was found or is accepted.
  public var description: String {
    let first = [file, place, problem].compactMap { $0 }.joined(separator: ": ")
    let second = [found.map { "found " + $0 }, accepted.map { "accepted: " + $0 }].compactMap { $0 }
    return second.isEmpty ? first : first + "\n" + second.joined(separator: "; ")
  }

  /// Text of a file in double quotes, fit for one line of a terminal: control characters escaped, at most 120
  /// characters kept.
  public static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars.prefix(120) {
      switch scalar.properties.generalCategory {
      case .format, .lineSeparator, .paragraphSeparator: result += scalar.escaped(asASCII: true)
      default: result += scalar.escaped(asASCII: false)
      }
    }
    return result + (text.unicodeScalars.count > 120 ? "…\"" : "\"")
  }

  /// The first ten of a list and the number of the others.
  static func listing(_ items: [String]) -> String {
    let shown = items.prefix(10).joined(separator: ", ")
    return items.count > 10 ? shown + " and \(items.count - 10) more" : shown
  }
}
