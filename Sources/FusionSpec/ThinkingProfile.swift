import ChatTemplates
public import Tokenization

/// How fast or slow a request is to be thought about.
public enum ThinkingMode: String, Sendable, CaseIterable {
  /// Answer at once.
  case fast
  /// Think first, between markers.
  case slow
  /// The model decides.
  case auto
}

/// How a family of models switches modes and marks its thoughts.
public struct ThinkingProfile: Sendable, Equatable {
  /// What a chat template is told to select a mode.
  public enum Switch: Sendable, Equatable {
    /// A template variable that takes the mode's name.
    case templateVariable(String)
  }

  /// The profile's name, for people.
  public let name: String
  /// Text and id of the opening marker.
  public let open: (text: String, token: TokenID)
  /// Text and id of the closing marker.
  public let close: (text: String, token: TokenID)
  /// How a mode is selected.
  public let modeSwitch: Switch
  /// The modes that the model was trained for.
  public let modes: [ThinkingMode]
  /// The mode where nothing is asked for.
  public let defaultMode: ThinkingMode

  /// Finds the profile of a model from its tokenizer and template; nil where it marks no thoughts.
  public init?(_ text: TextProcessor) {
    guard let source = text.chatTemplate?.source,
      let open = text.tokenizer.token(for: "<think>"), let close = text.tokenizer.token(for: "</think>"),
      source.contains("/no_think"), source.contains("/auto_think"), source.contains("thinking")
    else { return nil }
    name = "suffix"
    self.open = ("<think>", open)
    self.close = ("</think>", close)
    modeSwitch = .templateVariable("thinking")
    modes = ThinkingMode.allCases
    defaultMode = .slow
  }

  /// Compares all parts.
  public static func == (left: ThinkingProfile, right: ThinkingProfile) -> Bool {
    left.name == right.name && left.open == right.open && left.close == right.close
      && left.modeSwitch == right.modeSwitch && left.modes == right.modes
      && left.defaultMode == right.defaultMode
  }
}
