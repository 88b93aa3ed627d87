import Decoding
import FusionSpec

/// A reply with its text.
struct AnsweredLine {
  let line: PromptLine
  let request: GenerationRequest
  let result: GenerationResult
  let text: ReplyText
}

/// Where generated text goes.
protocol GenerationOutput {
  /// Text of a reply became certain.
  mutating func receive(_ piece: ReplyText.Piece, fate: TokenFate)
  /// A reply is complete. Replies come in input order.
  mutating func finish(_ reply: AnsweredLine, run: GenerationRun) throws
}

/// Runs requests through an engine and hands their replies to an output in input order.
final class GenerationRun {
  let model: LanguageModel
  let arguments: GenerationArguments
  private let engine: DecodingEngine
  private let lines: [PromptLine]
  private let requests: [GenerationRequest]
  private var texts: [GrowingText?] = []
  /// Speculation counts of all replies so far.
  private(set) var counters = SpeculationCounters()

  init(
    model: LanguageModel, engine: DecodingEngine, lines: [PromptLine], requests: [GenerationRequest],
    arguments: GenerationArguments
  ) {
    self.model = model
    self.engine = engine
    self.lines = lines
    self.requests = requests
    self.arguments = arguments
  }

  /// Generates everything; after Ctrl-C what there is so far.
  func run(_ output: any GenerationOutput) throws {
    var output = output
    let identifiers = try zip(lines, requests).map { line, request in
      try line.located { try engine.submit(request) }
    }
    texts = identifiers.map { _ in nil }
    var finished: [Int: GenerationResult] = [:]
    var next = 0
    while !engine.isIdle {
      if Interruption.isRequested { identifiers.forEach(engine.cancel) }
      let results = engine.step { identifier, token, fate in
        // The first token settles which prompt is answered.
        let growing: GrowingText
        if let begun = self.texts[identifier] {
          growing = begun
        } else {
          growing = GrowingText(self.text(after: self.engine.promptTokens(of: identifier) ?? []))
          self.texts[identifier] = growing
        }
        if let piece = growing.append(token) { output.receive(piece, fate: fate) }
        return !growing.isStopped
      }
      for result in results {
        finished[result.identifier] = result
        counters.add(result.speculation)
      }
      while next < identifiers.count, let result = finished.removeValue(forKey: identifiers[next]) {
        var text = texts[next]?.text ?? text(after: result.promptTokens)
        if let rest = text.finish() { output.receive(rest, fate: .undrafted) }
        try output.finish(
          AnsweredLine(line: lines[next], request: requests[next], result: result, text: text), run: self)
        texts[next] = nil
        next += 1
      }
    }
  }

  private func text(after prompt: [Int32]) -> ReplyText {
    ReplyText(model, after: prompt, stopStrings: arguments.stop)
  }
}

/// A text that is changed where it stands: as a value in a list it would be copied for every token.
private final class GrowingText {
  private(set) var text: ReplyText
  private(set) var isStopped = false

  init(_ text: ReplyText) { self.text = text }

  func append(_ token: Int32) -> ReplyText.Piece? {
    let piece = text.append(token)
    isStopped = text.isStopped
    return piece
  }
}
