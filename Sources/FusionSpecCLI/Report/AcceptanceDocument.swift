import Decoding
import FusionSpec
import Models

/// The numbers of a report as the contract `fusionspec.acceptance/1` fixes them.
struct AcceptanceDocument {
  private let report: AcceptanceReport

  init(_ report: AcceptanceReport) { self.report = report }

  var document: JSONDocument {
    let options = report.options
    return [
      "schema": "fusionspec.acceptance/1", "model": .string(report.model), "weights": .string(report.weights),
      "isa": .string(report.isa), "threads": .integer(report.threads),
      "prompts": .integer(report.prompts.count),
      "identical": report.isIdentical.map { .bool($0) } ?? .null, "synthetic": .bool(report.isSynthetic),
      "synthetic_acceptance": options.syntheticAcceptance.map(Self.numbers) ?? .null,
      "skipped_prompts": .array(report.skippedPrompts.map { .string($0) }),
      "truncated_prompts": .array(report.truncatedPrompts.map { .string($0) }),
      "auto_thinking": JSONDocument(report.automatic?.rawValue),
      "auto_threshold": report.automatic == .runtime
        ? JSONDocument(Double("\(options.limits.threshold)")) : .null,
      "max_tokens": .integer(options.maximumTokens), "repetitions": .integer(options.repetitions),
      // As text where a number of JSON might not hold it.
      "seed": Int(exactly: options.sampling.seed).map { .integer($0) } ?? .string("\(options.sampling.seed)"),
      "settings": .array(report.results.map(setting)),
      "cost_curve": .array(costCurve), "draft_ms": JSONDocument(report.costs.draftMilliseconds),
      "budgets": .array(report.budgets.map(budget)),
      "draft_head": report.draftHead.map { .string($0.rawValue) } ?? .null,
      "draft_head_probe": report.probes.first.map(Self.probe) ?? .null,
      "draft_head_probes": .array(report.probes.map(Self.probe)),
    ]
  }

  private func setting(_ result: SettingResult) -> JSONDocument {
    let summary = result.summary(report.prompts)
    var members = fields(summary)
    let speculation = result.setting.speculation
    members["speculation"] = .string(speculation.kindName)
    members["depth"] = JSONDocument(speculation.fixedDepth)
    members["thinking"] = JSONDocument(result.setting.thinking?.rawValue)
    members["temperature"] = JSONDocument(Double("\(report.options.sampling.temperature)"))
    members["batch"] = .integer(report.options.batch)
    if report.isSynthetic {
      members["identical"] = .null
      members["differing_prompts"] = .null
    } else {
      let differing = result.differingPrompts
      members["identical"] = .bool(differing.isEmpty)
      members["differing_prompts"] = .array(differing.map { .string(report.prompts[$0].id) })
    }
    members["coupling"] = result.coupling.map(Self.coupling) ?? .null
    members["depth_histogram"] = JSONDocument(summary.depthHistogram)
    if case .mtp(let depth) = speculation {
      let prediction = report.predictions(thinking: result.setting.thinking).first { $0.depth == depth }
      members["predicted_speedup"] = JSONDocument(prediction?.speedup)
    }
    var categories: [String: JSONDocument] = [:]
    for (category, summary) in result.summariesByCategory(report.prompts) {
      categories[category] = .object(fields(summary))
    }
    members["by_category"] = .object(categories)
    members["by_phase"] = .object(
      Dictionary(
        uniqueKeysWithValues: Phase.allCases.map { phase in
          (
            phase.name,
            .object(JSONLinesOutput.counters(summary.countersByPhase[phase] ?? SpeculationCounters()))
          )
        }))
    return .object(members)
  }

  /// Accuracy and tokens of slow thinking under one budget.
  private func budget(_ result: BudgetResult) -> JSONDocument {
    let summary = result.summary(report.prompts)
    let categories = report.prompts.categories.map {
      ($0, JSONDocument(result.accuracy(report.prompts, category: $0)))
    }
    return [
      "budget": .integer(result.budget), "accuracy": JSONDocument(summary.accuracy),
      "mean_tokens": JSONDocument(summary.meanTokens),
      "mean_thinking_tokens": JSONDocument(summary.meanThinkingTokens),
      "mean_ms": JSONDocument(summary.meanMilliseconds),
      "accuracy_by_category": .object(Dictionary(categories) { first, _ in first }),
    ]
  }

  /// The fields that a setting and each of its categories share.
  private func fields(_ summary: SettingSummary) -> [String: JSONDocument] {
    [
      "prompts": .integer(summary.promptCount), "speedup": JSONDocument(summary.speedup),
      "slowest_prompt_ratio": JSONDocument(summary.slowestPromptRatio),
      "tokens_per_second": JSONDocument(summary.tokensPerSecond),
      "plain_tokens_per_second": JSONDocument(summary.plainTokensPerSecond),
      "acceptance_rate": JSONDocument(summary.counters.acceptanceRate),
      "mean_acceptance_length": JSONDocument(summary.counters.meanAcceptanceLength),
      "acceptance_per_position": Self.numbers(summary.counters.acceptancePerPosition),
      "mean_tokens": JSONDocument(summary.meanTokens), "accuracy": JSONDocument(summary.accuracy),
      "mean_thinking_tokens": JSONDocument(summary.meanThinkingTokens),
      "escalated": JSONDocument(summary.escalatedShare),
      "mean_ms": JSONDocument(summary.meanMilliseconds),
      "plain_mean_ms": JSONDocument(summary.plainMeanMilliseconds),
    ]
  }

  private var costCurve: [JSONDocument] {
    let one = report.costs.milliseconds(rows: 1)
    return report.costs.forwards.map { cost in
      [
        "rows": .integer(cost.rows), "ms": JSONDocument(cost.milliseconds),
        "relative_cost": JSONDocument(one.map { cost.milliseconds / $0 }),
        "distinct_experts_per_layer": JSONDocument(cost.distinctExpertsPerLayer),
      ]
    }
  }

  private static func numbers(_ values: [Double]) -> JSONDocument { .array(values.map { JSONDocument($0) }) }

  private static func coupling(_ coupling: CouplingSummary) -> JSONDocument {
    [
      "measured": JSONDocument(coupling.measured), "bound": JSONDocument(coupling.bound),
      "one_minus_tv": JSONDocument(coupling.oneMinusTotalVariation),
      "greedy_draft": JSONDocument(coupling.greedyDraft), "positions": .integer(coupling.positions),
    ]
  }

  private static func probe(_ probe: DraftHeadProbe) -> JSONDocument {
    [
      "head": .integer(probe.place + 1), "agreement": JSONDocument(probe.agreement),
      "chance": JSONDocument(probe.chance),
      "positions": .integer(probe.positions), "near_chance": .bool(probe.isNearChance),
    ]
  }
}
