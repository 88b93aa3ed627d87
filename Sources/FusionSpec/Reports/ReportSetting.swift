public import Decoding

/// One way of running a prompt that a report compares with plain decoding.
public struct ReportSetting: Sendable, Equatable {
  /// How drafts are made.
  public var speculation: Speculation
  /// The thinking mode asked for; nil leaves it to the prompt's own line and the model.
  public var thinking: ThinkingMode?

  /// Makes a setting.
  public init(speculation: Speculation, thinking: ThinkingMode? = nil) {
    self.speculation = speculation
    self.thinking = thinking
  }

  /// The setting in a few words, such as "mtp 3".
  public var name: String {
    switch speculation.fixedDepth {
    case let depth?: "\(speculation.kindName) \(depth)"
    case nil: speculation.kindName
    }
  }

  /// The setting with its thinking mode.
  public var fullName: String { thinking.map { "\(name), \($0.rawValue) thinking" } ?? name }
}

extension Speculation {
  /// Whether MTP heads may draft.
  public var usesHeads: Bool {
    switch self {
    case .mtp, .automatic: true
    case .off, .lookup: false
    }
  }

  /// The drafter's name in reports and options.
  public var kindName: String {
    switch self {
    case .off: "off"
    case .mtp: "mtp"
    case .lookup: "lookup"
    case .automatic: "auto"
    }
  }
}

/// A prompt of a report.
public struct ReportPrompt: Sendable, Equatable {
  /// Names the prompt to people.
  public var id: String
  /// What is asked.
  public var prompt: Prompt
  /// The thinking mode that the prompt itself asks for.
  public var thinking: ThinkingMode?
  /// The kind of task.
  public var category: String?
  /// The right answer.
  public var answer: String?

  /// Makes a prompt.
  public init(
    id: String, prompt: Prompt, thinking: ThinkingMode? = nil, category: String? = nil, answer: String? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.thinking = thinking
    self.category = category
    self.answer = answer
  }
}
