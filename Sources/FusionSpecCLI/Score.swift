import ArgumentParser
import Checkpoints
import Decoding
import Foundation
import FusionSpec
import Models
import Tensors
import Tokenization

/// `fusionspec score`.
struct Score: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Log-probability of each token of a text, and its perplexity; or what narrower weights or keys and values change."
  )

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @Option(help: "The text.") var text: String?
  @Option(help: "The text as token ids, such as 1,2,3.") var tokenIds: String?
  @Flag(help: "Print the result as JSON.") var json = false
  @Option(
    help: ArgumentHelp(
      "Compare with the same model in another weight format: divergence and agreement of the predictions.",
      valueName: "format"))
  var against: String?
  @Option(
    help: ArgumentHelp(
      "Compare with the same model with its keys and values held in another format; also together with --against.",
      valueName: "format"))
  var againstKvCache: CacheFormat?
  @Option(
    help: ArgumentHelp(
      "With --against or --against-kv-cache: compare on replies to the prompts of this file (JSON Lines) instead of a text.",
      valueName: "file"), completion: .file())
  var prompts: String?
  @Option(help: "With --prompts: most tokens of a reply.") var maxTokens = 128
  @Option(
    help: ArgumentHelp(
      "Write logits and, where the model has MTP heads, mtp_logits [heads, tokens - 1, vocabulary] to a safetensors file: row p "
        + "of head d predicts token p + 2 + d from the tokens given. The last d rows of head d lack a token and are zero.",
      valueName: "file"), completion: .file())
  var dump: String?

  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    if [text, tokenIds, prompts].filter({ $0 != nil }).count != 1 {
      throw ValidationError(
        "give one of --text, --token-ids and (with --against or --against-kv-cache) --prompts")
    }
    if let against, WeightFormat(rawValue: against) == nil {
      throw ValidationError(
        "--against: found '\(against)', accepted: \(WeightFormat.allCases.map(\.rawValue).joined(separator: ", "))"
      )
    }
    let compares = against != nil || againstKvCache != nil
    if prompts != nil, !compares {
      throw ValidationError("--prompts needs --against or --against-kv-cache")
    }
    if compares, dump != nil {
      throw ValidationError("--dump does not go with --against or --against-kv-cache")
    }
    guard (1...(1 << 20)).contains(maxTokens) else {
      throw ValidationError("--max-tokens: found \(maxTokens), accepted: 1 to \(1 << 20)")
    }
  }

  func run() throws {
    let prompt: Prompt =
      try tokenIds.map { .tokens(try TextInput.tokenIDs($0, option: "--token-ids")) } ?? .raw(text ?? "")
    let model = try modelArguments.load()
    if let format = against.flatMap(WeightFormat.init) {
      var options = modelArguments.options
      options.weights = format
      if let againstKvCache { options.cache = againstKvCache }
      let reference = try LanguageModel(contentsOf: modelArguments.directory, options: options)
      return try compare(model, with: reference, prompt: prompt)
    }
    if let againstKvCache {
      return try compare(model, with: model.caching(as: againstKvCache), prompt: prompt)
    }
    let tokens = try model.encode(prompt)
    let vocabulary = model.decoder.description.vocabularySize
    var logProbabilities: [Double] = []
    var logits: [Float] = []
    let heads = dump == nil ? 0 : model.decoder.mtpHeadCount
    var mtpLogits = [[Float]](repeating: [], count: heads)
    let isDumping = dump != nil
    let passes = TeacherForcing(model: model.decoder, threadCount: model.threadCount, kernels: model.kernels)
    try passes.run(
      tokens,
      mainLogits: { position, rows, row in
        let values = rows.array(row: row)
        if position + 1 < tokens.count {
          logProbabilities.append(Self.logProbability(of: Int(tokens[position + 1]), values))
        }
        if isDumping { logits += values }
      },
      mtpLogits: { head, _, rows, row in if isDumping { mtpLogits[head] += rows.array(row: row) } })

    if let dump {
      var tensors = [
        SafetensorsFile.Tensor(name: "logits", shape: [tokens.count, vocabulary], values: logits)
      ]
      if heads > 0 {
        let padded = mtpLogits.flatMap { rows in
          rows + [Float](repeating: 0, count: (tokens.count - 1) * vocabulary - rows.count)
        }
        tensors.append(
          SafetensorsFile.Tensor(
            name: "mtp_logits", shape: [heads, tokens.count - 1, vocabulary], values: padded))
      }
      try SafetensorsFile.write(tensors, to: URL(filePath: dump))
    }
    try report(model, tokens, logProbabilities)
  }

  /// Compares the model with itself in another format, weights or cache, on the text or on the other's own replies.
  private func compare(_ model: LanguageModel, with reference: LanguageModel, prompt: Prompt) throws {
    var sequences: [[Int32]] = []
    var starts: [Int] = []
    if let prompts {
      let engine = reference.makeEngine(batchSize: 8)
      for line in try PromptFile.read(prompts, isRaw: false) {
        let tokens = try reference.encode(line.prompt, thinking: line.thinking)
        let room = reference.context - tokens.count
        guard room > 0 else {
          throw RequestError.promptTooLong(tokens: tokens.count, context: reference.context)
        }
        _ = try engine.submit(
          GenerationRequest(
            promptTokens: tokens, maximumTokens: min(maxTokens, room), stopTokens: reference.stopTokens))
        sequences.append(tokens)
        starts.append(tokens.count)
      }
      for (place, result) in engine.run().enumerated() { sequences[place] += result.tokens }
    } else {
      sequences = [try reference.encode(prompt)]
      starts = [1]
    }
    var comparison = WeightComparison()
    // The prediction of token p stands at position p - 1.
    try comparison.compare(
      sequences, reference: reference, model: model,
      positions: { starts[$0] - 1..<max(starts[$0] - 1, sequences[$0].count - 1) })
    if json {
      let document: JSONDocument = [
        "schema": "fusionspec.score/1", "model": .string(model.name),
        "weights": .string(model.weightFormat.rawValue), "against": .string(reference.weightFormat.rawValue),
        "kv_cache": .string(model.decoder.heldCacheFormat.rawValue),
        "against_kv_cache": .string(reference.decoder.heldCacheFormat.rawValue),
        "isa": .string(model.kernels.name), "positions": .integer(comparison.positions),
        "mean_kl_divergence": JSONDocument(comparison.meanDivergence),
        "greatest_kl_divergence": JSONDocument(comparison.greatestDivergence),
        "top_token_agreement": JSONDocument(comparison.topTokenAgreement),
      ]
      return Terminal.output(document.line() + "\n")
    }
    func formats(_ model: LanguageModel) -> String {
      "\(model.weightFormat.rawValue) with keys and values in \(model.decoder.heldCacheFormat.rawValue)"
    }
    Terminal.output(
      String(
        format: "%@ against %@ over %d positions: same most likely token %.2f %%, "
          + "KL divergence mean %.5f, greatest %.4f nats\n", formats(model), formats(reference),
        comparison.positions, 100 * comparison.topTokenAgreement, comparison.meanDivergence,
        comparison.greatestDivergence))
  }

  /// log softmax(logits)[token], summed in double precision.
  static func logProbability(of token: Int, _ logits: [Float]) -> Double {
    let greatest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - greatest) }
    return Double(logits[token]) - greatest - log(sum)
  }

  private func report(_ model: LanguageModel, _ tokens: [Int32], _ logProbabilities: [Double]) throws {
    let mean = logProbabilities.isEmpty ? nil : logProbabilities.reduce(0, +) / Double(logProbabilities.count)
    let perplexity = mean.map { exp(-$0) }
    if json {
      let document: JSONDocument = [
        "schema": "fusionspec.score/1", "model": .string(model.name),
        "weights": .string(model.weightFormat.rawValue),
        "isa": .string(model.kernels.name), "token_ids": JSONDocument(tokens),
        // The first token has nothing before it to be predicted from.
        "logprobs": .array([.null] + logProbabilities.map { JSONDocument($0) }),
        "mean_logprob": JSONDocument(mean), "perplexity": JSONDocument(perplexity),
      ]
      Terminal.output(document.line() + "\n")
      return
    }
    for (place, token) in tokens.enumerated() {
      let piece = model.text?.tokenizer.piece(of: token) ?? ""
      let value = place == 0 ? "      -" : String(format: "%7.3f", logProbabilities[place - 1])
      Terminal.output("\(value)  \(token)  \(piece)\n")
    }
    if let perplexity {
      Terminal.output(String(format: "perplexity %.4f over %d tokens\n", perplexity, logProbabilities.count))
    }
  }
}
