/// All replies under one setting beside the plain ones of the same run.
public struct SettingResult: Sendable {
  /// How the replies were made.
  public var setting: ReportSetting
  /// The replies, in the order of the prompts.
  public var replies: [ReplyMeasurement]
  /// The replies without speculation in the same thinking mode, in the same order.
  public var plain: [ReplyMeasurement]
  /// Milliseconds that the whole set took, prompts included, where prompts shared the engine; nil where each had it alone.
  public var setMilliseconds: Double?
  /// The same for the plain run.
  public var plainSetMilliseconds: Double?
  /// What sharing noise between draft and target is worth; nil at temperature 0 and without an MTP head's drafts.
  public var coupling: CouplingSummary?

  /// Makes a result.
  public init(
    setting: ReportSetting, replies: [ReplyMeasurement], plain: [ReplyMeasurement],
    setMilliseconds: Double? = nil,
    plainSetMilliseconds: Double? = nil
  ) {
    self.setting = setting
    self.replies = replies
    self.plain = plain
    self.setMilliseconds = setMilliseconds
    self.plainSetMilliseconds = plainSetMilliseconds
  }

  /// Places of the prompts whose token ids are not those of plain decoding, or not the same in all repetitions.
  public var differingPrompts: [Int] {
    zip(replies, plain).enumerated().compactMap { place, pair in
      pair.0.tokens == pair.1.tokens && pair.0.isStable && pair.1.isStable ? nil : place
    }
  }

  /// Sums and rates over all prompts.
  public func summary(_ prompts: [ReportPrompt]) -> SettingSummary {
    SettingSummary(
      replies: replies, plain: plain, answers: prompts.map(\.answer), setMilliseconds: setMilliseconds,
      plainSetMilliseconds: plainSetMilliseconds)
  }

  /// Sums and rates over the prompts of each category, in the order in which categories appear. Times are the sequences'
  /// own.
  public func summariesByCategory(_ prompts: [ReportPrompt]) -> [(category: String, summary: SettingSummary)]
  {
    prompts.categories.map { category in
      let places = prompts.indices.filter { prompts[$0].category == category && $0 < replies.count }
      return (
        category,
        SettingSummary(
          replies: places.map { replies[$0] }, plain: places.map { plain[$0] },
          answers: places.map { prompts[$0].answer })
      )
    }
  }
}

extension [ReportPrompt] {
  /// Each category once, in the order of the first prompt that has it.
  public var categories: [String] {
    reduce(into: [String]()) { found, prompt in
      if let category = prompt.category, !found.contains(category) { found.append(category) }
    }
  }
}
