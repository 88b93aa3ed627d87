import Models
import Tensors

/// How far the draft head's distribution of a token is from the model's, and what follows for drafts.
///
/// Draft and target share their noise (`Sampler`), so they agree with a probability of at least (1 - TV) / (1 + TV), where
/// TV is the total variation distance of the two distributions; no way of drafting without changing the text's
/// distribution agrees more often than 1 - TV (Daliri et al., arXiv 2408.07978).
public struct DraftCoupling: Sendable, Equatable {
  /// Total variation distance, 0 to 1: half the sum over tokens of |target - draft|.
  public let totalVariation: Double
  /// The probability that the target gives to the draft head's most probable token: how often a greedy draft is right.
  public let greedyDraft: Double

  /// Compares two distributions over the same tokens.
  public init(target: [Float], draft: [Float]) {
    var distance = 0.0
    var best = 0
    for token in 0..<min(target.count, draft.count) {
      distance += abs(Double(target[token]) - Double(draft[token]))
      if draft[token] > draft[best] { best = token }
    }
    totalVariation = min(1, distance / 2)
    greedyDraft = target.isEmpty ? 0 : Double(target[best])
  }

  /// The least agreement that drafting with shared noise promises.
  public var bound: Double { (1 - totalVariation) / (1 + totalVariation) }
  /// The most agreement that is possible.
  public var oneMinusTotalVariation: Double { 1 - totalVariation }
}

extension TeacherForcing {
  /// Compares the first MTP head with the model at every token of a reply, given the true tokens before it, with the
  /// request's own temperature, filters and penalties.
  ///
  /// - Parameters:
  ///   - request: The prompt and how the reply was sampled, at a temperature above 0.
  ///   - reply: Tokens that were generated.
  /// - Returns: One entry a token of the reply; nil where the head had nothing to go by or the token was forced.
  public func coupling(
    _ request: GenerationRequest, reply: [Int32]
  ) throws(RequestError) -> [DraftCoupling?] {
    var found = [DraftCoupling?](repeating: nil, count: reply.count)
    guard model.mtpHeadCount > 0, !reply.isEmpty else { return found }
    let text = request.promptTokens + reply
    let size = model.description.vocabularySize
    let sampler = Sampler(kernels: kernels, vocabularySize: size)
    let promptCount = request.promptTokens.count
    var thinking = ThinkingState(
      request.thinking,
      maximumTokens: min(request.maximumTokens, model.contextCapacity - request.promptTokens.count))
    let noAnswer = request.thinking.map { request.stopTokens + [$0.openToken, $0.closeToken] } ?? []
    var isForced: [Bool] = []
    var excluded: [[Int32]] = []
    for (place, token) in reply.enumerated() {
      isForced.append(thinking.forcedToken != nil)
      excluded.append(
        thinking.isAnswerDue ? noAnswer : place < request.minimumTokens ? request.stopTokens : [])
      thinking.advance(token)
    }
    // Each of the two sees the text before the token as its own history.
    var targets = Distributions(text, request, excluded: excluded, vocabularySize: size)
    var drafts = Distributions(text, request, excluded: excluded, vocabularySize: size)
    func compare(_ place: Int) {
      guard let target = targets.waiting[place], let draft = drafts.waiting[place] else { return }
      targets.waiting[place] = nil
      drafts.waiting[place] = nil
      if !isForced[place] { found[place] = DraftCoupling(target: target, draft: draft) }
    }
    try run(
      text,
      mainLogits: { position, logits, row in
        let place = position + 1 - promptCount
        guard reply.indices.contains(place), position > 0 else { return }
        targets.add(place, sampler, logits, row: row)
        compare(place)
      },
      mtpLogits: { head, position, logits, row in
        let place = position + 2 - promptCount
        guard head == 0, reply.indices.contains(place) else { return }
        drafts.add(place, sampler, logits, row: row)
        compare(place)
      })
    return found
  }

  /// Distributions of tokens of a reply in ascending order, until they are compared.
  private struct Distributions {
    private let text: [Int32]
    private let request: GenerationRequest
    private let excluded: [[Int32]]
    private var history: TokenHistory
    private var seen = 0
    var waiting: [Int: [Float]] = [:]

    init(
      _ text: [Int32], _ request: GenerationRequest, excluded: [[Int32]], vocabularySize: Int
    ) {
      self.excluded = excluded
      self.text = text
      self.request = request
      history = TokenHistory(
        vocabularySize: vocabularySize, isUsed: request.sampling.repetitionPenalty != 1, capacity: text.count)
    }

    mutating func add(_ place: Int, _ sampler: Sampler, _ logits: FloatRows, row: Int) {
      while seen < request.promptTokens.count + place {
        history.add(text[seen])
        seen += 1
      }
      waiting[place] = sampler.distribution(
        logits, row: row, options: request.sampling, history: history,
        excluded: excluded[place])
    }
  }
}
