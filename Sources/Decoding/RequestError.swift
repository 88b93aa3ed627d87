/// Why a request cannot be served.
public enum RequestError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The prompt has no tokens.
  case emptyPrompt
  /// A token id outside the vocabulary.
  case tokenOutOfRange(token: Int, vocabularySize: Int)
  /// The prompt leaves no room for a reply.
  case promptTooLong(tokens: Int, context: Int)
  /// An option's value is not accepted.
  case optionOutOfRange(option: String, found: String, accepted: String)
  /// The model cannot do what an option asks for.
  case unsupported(option: String, reason: String)

  /// What was wrong, what was found, what is accepted.
  public var description: String {
    switch self {
    case .emptyPrompt: "the prompt is empty: give at least one token"
    case .tokenOutOfRange(let token, let size):
      "token id \(token) is out of range: the vocabulary has \(size) tokens (0 to \(size - 1))"
    case .promptTooLong(let tokens, let context):
      "the prompt has \(tokens) tokens but the context holds \(context): at least one position must be left for the reply"
    case .optionOutOfRange(let option, let found, let accepted):
      "\(option) is out of range: found \(found), accepted: \(accepted)"
    case .unsupported(let option, let reason): "\(option) cannot be used: \(reason)"
    }
  }
}
