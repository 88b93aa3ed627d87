public import ChatTemplates
public import Tokenization

/// How fast or slow a request is to be thought about.
public enum ThinkingMode: String, Sendable, CaseIterable {
  /// Answer at once.
  case fast
  /// Think first, between markers.
  case slow
  /// The model decides, or where it was not trained to, the runtime.
  case auto
}

/// How a family of models switches modes and marks its thoughts.
///
/// Found by what a model folder says, see `ThinkingFamily`, or given by the user as a file, see `init(file:text:)`.
public struct ThinkingProfile: Sendable, Equatable {
  /// A token that opens or closes thoughts.
  public struct Marker: Sendable, Equatable {
    /// Its text.
    public let text: String
    /// Its id.
    public let token: TokenID
  }

  /// What selects a mode.
  public enum Switch: Sendable, Equatable {
    /// A variable of the chat template, with its value for each mode.
    case templateVariable(String, values: [ThinkingMode: TemplateValue])
    /// Text behind the last user message, for each mode.
    case suffix([ThinkingMode: String])
    /// Nothing: the model knows one mode.
    case fixed(ThinkingMode)

    /// The modes that can be selected, in the order of `ThinkingMode`.
    public var modes: [ThinkingMode] {
      switch self {
      case .templateVariable(_, let values): ThinkingMode.allCases.filter { values[$0] != nil }
      case .suffix(let texts): ThinkingMode.allCases.filter { texts[$0] != nil }
      case .fixed(let mode): [mode]
      }
    }
  }

  /// The profile's name, for people.
  public let name: String
  /// The opening marker.
  public let open: Marker
  /// The closing marker.
  public let close: Marker
  /// How a mode is selected.
  public let modeSwitch: Switch
  /// The mode where nothing is asked for.
  public let defaultMode: ThinkingMode

  /// The modes that the model was trained for.
  public var modes: [ThinkingMode] { modeSwitch.modes }

  /// Whether the runtime can choose between fast and slow thinking for the model.
  public var allowsRuntimeChoice: Bool { modes.contains(.fast) && modes.contains(.slow) }

  init(
    name: String, open: Marker, close: Marker, modeSwitch: Switch, defaultMode: ThinkingMode
  ) {
    self.name = name
    self.open = open
    self.close = close
    self.modeSwitch = modeSwitch
    self.defaultMode = defaultMode
  }

  /// A conversation as the chat template takes it, with the variables that select a mode.
  ///
  /// - Returns: Nil where the switch is a suffix and no user message is there to carry it.
  func conversation(_ messages: [ChatMessage], mode: ThinkingMode) -> (
    messages: [TemplateValue], variables: [String: TemplateValue]
  )? {
    var messages = messages
    var variables: [String: TemplateValue] = [:]
    switch modeSwitch {
    case .templateVariable(let name, let values): variables[name] = values[mode]
    case .suffix(let texts):
      if let text = texts[mode], !text.isEmpty {
        guard let last = messages.lastIndex(where: { $0.role == "user" }) else { return nil }
        messages[last].content += text
      }
    case .fixed: break
    }
    return (messages.map(\.templateValue), variables)
  }

  /// Whether a reply after these tokens begins inside the thoughts: the last marker behind the last control token, which
  /// opens the reply's own turn, is an opening one.
  public func startsInThoughts(after prompt: [TokenID], tokenizer: any Tokenizer) -> Bool {
    for token in prompt.reversed() {
      if token == open.token { return true }
      if token == close.token || tokenizer.isSpecial(token) { return false }
    }
    return false
  }
}

extension ChatMessage {
  /// The message as chat templates take it.
  var templateValue: TemplateValue { ["role": .string(role), "content": .string(content)] }
}
