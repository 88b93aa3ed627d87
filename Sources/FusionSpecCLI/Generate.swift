import ArgumentParser
import Decoding
import Foundation
import FusionSpec
import Tokenization

/// `fusionspec generate`.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Continue one prompt, or a file of them.")

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @OptionGroup(title: "Generation") var generation: GenerationArguments

  @Argument(help: "The prompt: one user message, or plain text with --raw.") var prompt: String?
  @Option(help: "Read the prompt from a file; - is stdin.", completion: .file()) var promptFile: String?
  @Flag(help: "Take the prompt as plain text, without the chat template.") var raw = false
  @Option(help: "The prompt as token ids, such as 1,2,3.") var tokenIds: String?
  @Option(help: "Run the prompts of a JSON Lines file.", completion: .file(extensions: ["jsonl"]))
  var prompts: String?
  @Option(help: "Prompts in flight at once, with --prompts.") var batch = 1
  @Flag(help: "Print results as JSON.") var json = false
  @Flag(help: "Colour the text by what became of the drafts.") var showAcceptance = false
  @OptionGroup(title: "Output") var outputArguments: OutputArguments

  func validate() throws {
    let sources = [prompt, promptFile, tokenIds, prompts].compactMap { $0 }
    if sources.count != 1 {
      throw ValidationError(
        sources.isEmpty
          ? "a prompt is missing: give PROMPT, --prompt-file, --token-ids or --prompts"
          : "give only one of PROMPT, --prompt-file, --token-ids and --prompts")
    }
    if !(1...256).contains(batch) { throw ValidationError("--batch: found \(batch), accepted: 1 to 256") }
    try generation.limits.checkBridge(isLimited: generation.limits.isLimited)
    if batch > 1, prompts == nil { throw ValidationError("--batch needs --prompts") }
    if showAcceptance, json || prompts != nil {
      throw ValidationError(
        "--show-acceptance colours the text of one prompt; it goes with neither --json nor --prompts")
    }
  }

  func run() throws {
    let lines = try promptLines()
    let model = try modelArguments.load(draftHead: generation.neededDraftHead)
    let requests = try lines.map { line in
      try line.located {
        let request = try generation.request(
          model, prompt: line.prompt, thinking: line.thinking ?? generation.thinking)
        if request.promptTokens.isEmpty { throw RequestError.emptyPrompt }
        return request
      }
    }
    let modes = lines.map { $0.thinking ?? generation.thinking ?? model.thinkingProfile?.defaultMode }
    try generation.limits.check(requests, isAutomatic: modes.contains(.auto))
    let needed = requests.map(\.greatestLength).max() ?? 1
    let engine = model.makeEngine(batchSize: min(batch, lines.count), context: needed)
    let run = GenerationRun(
      model: model, engine: engine, lines: lines, requests: requests, arguments: generation)
    if generation.syntheticAcceptance != nil { Terminal.error(AcceptanceRates.warning) }
    Interruption.watch()
    let output: any GenerationOutput =
      json || prompts != nil
      ? JSONLinesOutput(isBatch: prompts != nil)
      : StreamingOutput(terminal: outputArguments.terminal, showsAcceptance: showAcceptance)
    try run.run(output)
    if Interruption.isRequested { throw ExitCode(130) }
    try DraftHeadWarning.check(model, run.counters, request: requests.first)
  }

  private func promptLines() throws -> [PromptLine] {
    if let prompts { return try PromptFile.read(prompts, isRaw: raw) }
    let single: Prompt
    if let tokenIds {
      single = .tokens(try TextInput.tokenIDs(tokenIds, option: "--token-ids"))
    } else {
      let text = try promptFile.map(TextInput.read) ?? prompt ?? ""
      if text.isEmpty { throw RequestError.emptyPrompt }
      single = raw ? .raw(text) : .user(text)
    }
    return [PromptLine(id: nil, prompt: single, thinking: nil, category: nil, answer: nil)]
  }
}
