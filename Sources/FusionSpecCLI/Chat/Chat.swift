import ArgumentParser
import Foundation
import FusionSpec
import Models

/// `fusionspec chat`.
struct Chat: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Converse with a model.", discussion: ChatCommand.manual)

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @OptionGroup(title: "Generation") var generation: GenerationArguments

  @Option(help: "What the model is told before the conversation.") var system: String?
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    if generation.ignoreEos { throw ValidationError("--ignore-eos is for benchmarks: a chat needs ends") }
    if generation.syntheticAcceptance != nil {
      throw ValidationError("--synthetic-acceptance is for benchmarks: a chat needs text")
    }
  }

  func run() throws {
    let model = try modelArguments.load(draftHead: generation.draftHead)
    let options = generation.replyOptions(model)
    let session = LanguageModelSession(model: model, instructions: system)
    try session.check(thinking: generation.thinking, options: options)
    let isInteractive =
      isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
      && ProcessInfo.processInfo.environment["TERM"] != "dumb" && TerminalMode.enter()
    defer { TerminalMode.leave() }
    Notices.watch()
    let chat = ChatLoop(
      session: session, mode: generation.thinking, options: options, terminal: output.terminal,
      isInteractive: isInteractive)
    let status = chat.run()
    if status != 0 {
      TerminalMode.leave()
      throw ExitCode(status)
    }
  }
}

extension GenerationArguments {
  /// The options for the replies of a session; without --max-tokens a reply may fill the context.
  func replyOptions(_ model: LanguageModel) -> ReplyOptions {
    var speculation = speculationMode
    // A fixed depth without a drafter named: the head where there is one, else copies.
    if self.speculation == .auto, let depth, model.decoder.mtpHeadCount == 0 {
      speculation = .lookup(depth: depth)
    }
    return ReplyOptions(
      maximumTokens: tokenLimit, minimumTokens: minTokens, sampling: sampling, stopStrings: stop,
      speculation: speculation, thinkingBudget: limits.thinkingBudget, answerReserve: limits.answerReserve,
      thinkingBridge: limits.thinkingBridge, automaticThinking: limits.autoThinking,
      automaticThreshold: limits.autoThreshold ?? ThinkingSettings.defaultThreshold)
  }
}
