public import Decoding

/// Why a session gives no reply.
public enum SessionError: Error, Sendable, CustomStringConvertible {
  /// The session is still replying; a session has one conversation, so it makes one reply at a time.
  case busy
  /// The conversation cannot be put into tokens.
  case prompt(PromptError)
  /// The engine cannot serve the request.
  case request(RequestError)
  /// The task that waited for the whole reply was cancelled.
  case cancelled

  /// What was wrong and what is accepted.
  public var description: String {
    switch self {
    case .busy: "the session is still replying: wait for the reply's end, or cancel it"
    case .prompt(let error): "\(error)"
    case .request(let error): "\(error)"
    case .cancelled: "the task that waited for the reply was cancelled"
    }
  }
}
