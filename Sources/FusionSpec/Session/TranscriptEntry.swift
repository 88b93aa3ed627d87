/// One entry of a session's transcript.
public struct TranscriptEntry: Sendable, Equatable, Codable {
  /// Who an entry is from.
  public enum Role: String, Sendable, Codable {
    /// What the model is told before the conversation.
    case system
    /// The person, or program, that asks.
    case user
    /// The model.
    case assistant
  }

  /// Who speaks.
  public var role: Role
  /// What is said: for the model, its answer.
  public var text: String
  /// What the model thought before its answer; nil where it did not think.
  public var thoughts: String?

  /// Makes an entry.
  public init(role: Role, text: String, thoughts: String? = nil) {
    self.role = role
    self.text = text
    self.thoughts = thoughts
  }

  /// The entry as a chat template expects it: thoughts stand between their markers in front of the answer, and the template
  /// keeps or drops them as the model was trained.
  func message(_ profile: ThinkingProfile?) -> ChatMessage {
    guard let thoughts, let profile else { return ChatMessage(role: role.rawValue, content: text) }
    return ChatMessage(
      role: role.rawValue, content: profile.open.text + thoughts + profile.close.text + text)
  }
}
