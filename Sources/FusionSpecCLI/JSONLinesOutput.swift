import Decoding
import FusionSpec
import Models
import Tensors

/// Prints one JSON document a reply, as the contract `fusionspec.generate/1` fixes it.
struct JSONLinesOutput: GenerationOutput {
  /// Whether lines of a prompts file are answered (their own schema is the same).
  let isBatch: Bool

  mutating func receive(_ piece: ReplyText.Piece, fate: TokenFate) {}

  mutating func finish(_ reply: AnsweredLine, run: GenerationRun) throws {
    let result = reply.result
    let model = run.model
    let hasText = model.text != nil
    let document: JSONDocument = [
      "schema": "fusionspec.generate/1", "id": JSONDocument(reply.line.id), "model": .string(model.name),
      "weights": .string(model.weightFormat.rawValue), "isa": .string(model.kernels.name),
      "threads": .integer(model.threadCount),
      "prompt_token_ids": JSONDocument(result.promptTokens), "token_ids": JSONDocument(result.tokens),
      "text": hasText ? .string(reply.text.answerText) : .null,
      "thinking_text": reply.text.hasThoughts ? .string(reply.text.thinkingText) : .null,
      "thinking": thinking(reply, run),
      "finish_reason": .string(result.finishReason.rawValue),
      "usage": [
        "prompt_tokens": .integer(result.promptTokenCount),
        "cached_tokens": .integer(result.cachedTokenCount),
        "completion_tokens": .integer(result.tokens.count),
        "reasoning_tokens": .integer(result.thinkingTokenCount),
      ],
      "speculation": speculation(reply, run),
      "timings": [
        "load_ms": JSONDocument(model.loadMilliseconds),
        "prefill_ms": JSONDocument(result.prefillMilliseconds),
        "decode_ms": JSONDocument(result.decodeMilliseconds),
        "tokens_per_second": JSONDocument(result.tokensPerSecond),
        "steps": .integer(result.decodeSteps),
        "framework_overhead_us_per_step": JSONDocument(result.overheadMicrosecondsPerStep),
      ],
    ]
    Terminal.output(document.line() + "\n")
  }

  private func thinking(_ reply: AnsweredLine, _ run: GenerationRun) -> JSONDocument {
    let outcome = ThinkingOutcome(
      run.model, requested: reply.line.thinking ?? run.arguments.thinking, reply.result)
    let decision = reply.result.thinkingDecision
    return [
      "requested": JSONDocument(outcome.requested?.rawValue), "used": JSONDocument(outcome.used?.rawValue),
      "reason": .string(outcome.reason), "budget": JSONDocument(run.arguments.limits.thinkingBudget),
      "tokens": .integer(reply.result.thinkingTokenCount),
      "confidence": JSONDocument(decision.map { Double($0.confidence) }),
      "dropped_tokens": .integer(decision?.droppedTokens ?? 0),
    ]
  }

  private func speculation(_ reply: AnsweredLine, _ run: GenerationRun) -> JSONDocument {
    let result = reply.result
    var members = Self.counters(result.speculation)
    members["requested"] = .string(run.arguments.speculation.rawValue)
    members["depth"] = JSONDocument(reply.request.speculation.fixedDepth)
    members["draft_head"] =
      run.model.decoder.mtpHeadCount == 0 ? .null : .string(run.model.decoder.draftHeadFormat.rawValue)
    members["depth_histogram"] = JSONDocument(result.depthHistogram)
    if let rates = reply.request.syntheticAcceptance {
      members["synthetic"] = .bool(true)
      members["synthetic_acceptance"] = .array(rates.map { JSONDocument($0) })
    }
    members["disabled_reason"] = JSONDocument(result.speculationOffReason)
    var phases: [String: JSONDocument] = [:]
    for phase in Phase.allCases {
      phases[phase.name] = .object(Self.counters(result.speculationByPhase[phase] ?? SpeculationCounters()))
    }
    members["by_phase"] = .object(phases)
    return .object(members)
  }

  /// Speculation counts with the names that vLLM uses.
  static func counters(_ counters: SpeculationCounters) -> [String: JSONDocument] {
    let depth = counters.usedDepth
    return [
      "num_drafts": .integer(counters.draftCount), "num_draft_tokens": .integer(counters.draftTokenCount),
      "num_accepted_tokens": .integer(counters.acceptedTokenCount),
      "acceptance_rate": JSONDocument(counters.acceptanceRate),
      "mean_acceptance_length": JSONDocument(counters.meanAcceptanceLength),
      "accepted_per_position": JSONDocument(counters.acceptedPerPosition.prefix(depth)),
      "drafted_per_position": JSONDocument(counters.draftedPerPosition.prefix(depth)),
      "plain_steps": .integer(counters.plainSteps),
    ]
  }
}
