/// What slow thinking reached with one budget.
public struct BudgetResult: Sendable {
  /// Most tokens of thoughts.
  public var budget: Int
  /// The replies, in the order of the prompts.
  public var replies: [ReplyMeasurement]

  /// Makes a result.
  public init(budget: Int, replies: [ReplyMeasurement]) {
    self.budget = budget
    self.replies = replies
  }

  /// Sums and rates over all prompts; there is no plain run to compare with.
  public func summary(_ prompts: [ReportPrompt]) -> SettingSummary {
    SettingSummary(replies: replies, plain: replies, answers: prompts.map(\.answer))
  }

  /// Share of right answers among the prompts of a category that have one; nil where none has.
  public func accuracy(_ prompts: [ReportPrompt], category: String) -> Double? {
    let places = prompts.indices.filter { prompts[$0].category == category && $0 < replies.count }
    return SettingSummary(
      replies: places.map { replies[$0] }, plain: places.map { replies[$0] },
      answers: places.map { prompts[$0].answer }
    ).accuracy
  }
}
