import ArgumentParser
import Decoding
import Foundation
import FusionSpec
import Models
import Tensors

/// `fusionspec demo`: the same prompts with speculation off and on, side by side.
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Watch the sample model write with and without speculation, and compare.")

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @Option(help: "Most tokens a reply.") var maxTokens = 200
  @Option(help: "Timed runs of each setting; the median counts.") var repetitions = 5
  @OptionGroup(title: "Output") var output: OutputArguments

  private static let prompts = [
    "What is 347 * 28?",
    "Nina starts with 36 toys. Nina buys 7 boxes of 6 toys each. Then Nina uses 29 of them. What is the number of toys now?",
    "请把这些数从小到大排列：42, 7, 19, 88, 3, 56",
    "Tell me a short story.",
  ]

  func validate() throws {
    try checkMaxTokens(maxTokens, from: 2)
    if !(1...99).contains(repetitions) {
      throw ValidationError("--repetitions: found \(repetitions), accepted: 1 to 99")
    }
  }

  func run() throws {
    let model = try modelArguments.load()
    let terminal = output.terminal
    let summary = model.decoder.description
    say(
      terminal.styled(model.name, .bold)
        + ": \(summary.layerCount) layers, \(summary.routedExpertCount) experts, \(summary.mtpHeadCount) MTP head, "
        + "\(model.weightFormat.rawValue), \(model.kernels.name), \(model.threadCount) threads\n")
    let requests = try Self.prompts.map { try request(model, $0, .off) }
    for (prompt, request) in zip(Self.prompts, requests).prefix(2) {
      try show(model, prompt, request, terminal)
    }
    try compare(model, requests, terminal)
  }

  private func request(
    _ model: LanguageModel, _ prompt: String, _ speculation: Speculation
  ) throws -> GenerationRequest {
    try model.request(.user(prompt), maximumTokens: maxTokens, speculation: speculation)
  }

  /// Streams one reply plainly and once more with drafts coloured.
  private func show(
    _ model: LanguageModel, _ prompt: String, _ request: GenerationRequest, _ terminal: Terminal
  ) throws {
    let drafting: Speculation = model.decoder.mtpHeadCount > 0 ? .mtp(depth: 3) : .automatic
    for (name, speculation) in [("speculation off", Speculation.off), ("speculation on", drafting)] {
      say(terminal.styled("› \(prompt)  (\(name))", .bold))
      var request = request
      request.speculation = speculation
      let engine = model.makeEngine(context: request.greatestLength)
      var text = ReplyText(model, after: request.promptTokens)
      _ = try engine.submit(request)
      var phase = Phase.answer
      let results = engine.run { _, token, fate in
        if let piece = text.append(token) {
          if piece.phase != phase { Terminal.output(piece.phase == .answer ? "\n= " : "") }
          phase = piece.phase
          Terminal.output(
            terminal.styled(piece.text, fate == .accepted ? .green : fate == .corrected ? .red : nil))
        }
        return true
      }
      if let rest = text.finish() { Terminal.output(rest.text) }
      if let result = results.first {
        say("\n" + terminal.styled(StreamingOutput.statistics(result, disabled: nil), .dim) + "\n")
      }
    }
  }

  /// Times every setting over all prompts, interleaved, and compares the tokens of each with plain decoding.
  private func compare(_ model: LanguageModel, _ requests: [GenerationRequest], _ terminal: Terminal) throws {
    var settings: [(name: String, speculation: Speculation)] = [("off", .off)]
    if model.decoder.mtpHeadCount > 0 {
      settings += (1...4).map { ("mtp, depth \($0)", .mtp(depth: $0)) }
    }
    settings.append(("auto", .automatic))
    let context = requests.map { $0.promptTokens.count + maxTokens }.max() ?? maxTokens
    let engines = settings.map { _ in model.makeEngine(context: context) }
    var speeds = settings.map { _ in [Double]() }
    var replies = settings.map { _ in [[Int32]]() }
    var counters = settings.map { _ in SpeculationCounters() }
    var steps = settings.map { _ in 0 }
    for repetition in 0..<repetitions {
      for offset in settings.indices {
        let place = (offset + repetition) % settings.count
        var tokens = 0
        var milliseconds = 0.0
        replies[place] = []
        for request in requests {
          var request = request
          request.speculation = settings[place].speculation
          _ = try engines[place].submit(request)
          guard let result = engines[place].run().first else { continue }
          replies[place].append(result.tokens)
          tokens += result.tokens.count - 1
          milliseconds += result.decodeMilliseconds
          if repetition == repetitions - 1 {
            counters[place].add(result.speculation)
            steps[place] += result.decodeSteps
          }
        }
        speeds[place].append(Double(tokens) * 1000 / max(milliseconds, 1e-6))
      }
    }
    say(
      terminal.styled(
        "speculation     tokens/s  speedup  tokens/step  accepted by position           same tokens", .bold))
    let plain = median(speeds[0])
    for place in settings.indices {
      let counter = counters[place]
      let rates = (0..<counter.usedDepth).map {
        String(
          format: "%.0f%%",
          100 * Double(counter.acceptedPerPosition[$0]) / Double(max(1, counter.draftedPerPosition[$0])))
      }
      let tokens = replies[place].reduce(0) { $0 + $1.count - 1 }
      let isSame = replies[place] == replies[0]
      say(
        settings[place].name.padding(toLength: 14, withPad: " ", startingAt: 0)
          + String(
            format: "%10.0f  %6.2fx  %11.2f  ", median(speeds[place]), median(speeds[place]) / plain,
            Double(tokens) / Double(max(1, steps[place])))
          + rates.prefix(6).joined(separator: " ").padding(toLength: 31, withPad: " ", startingAt: 0)
          + (isSame ? "yes" : "NO"))
    }
    let identical = replies.allSatisfy { $0 == replies[0] }
    say("\nidentical token ids: \(identical ? "yes" : "no")")
    if !identical {
      throw CommandError.failure("speculation changed the tokens; this is a defect of FusionSpec")
    }
  }

  private func say(_ line: String) { Terminal.output(line + "\n") }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }
}
