import Decoding
import Foundation
import FusionSpec

/// A conversation on the command line.
final class ChatLoop {
  private let session: LanguageModelSession
  private let input: ChatInput
  private let terminal: Terminal
  private var mode: ThinkingMode?
  private var options: ReplyOptions
  private var statistics = ChatStatistics()
  /// Ctrl-C since the last message or command.
  private var interrupts = 0
  private let isInteractive: Bool
  private let stylesErrors: Bool

  init(
    session: LanguageModelSession, mode: ThinkingMode?, options: ReplyOptions, terminal: Terminal,
    isInteractive: Bool
  ) {
    self.session = session
    self.mode = mode
    self.options = options
    self.terminal = terminal
    self.isInteractive = isInteractive
    stylesErrors = terminal.usesColor && isInteractive
    input = ChatInput(editor: isInteractive ? LineEditor(isStyled: terminal.usesColor) : nil)
  }

  /// Converses until the end.
  ///
  /// - Returns: The exit status.
  func run() -> Int32 {
    if isInteractive { note("\(session.model.name) · /help says what there is") }
    while true {
      switch input.read() {
      case .message(let text):
        interrupts = 0
        if let status = answer(text) { return status }
      case .command(let line):
        interrupts = 0
        if obey(line) { return 0 }
      case .endOfInput: return 0
      case .interrupt:
        interrupts += 1
        // A pipe has nothing to go on with.
        if interrupts > 1 || !isInteractive { return 130 }
        note("Ctrl-C again leaves, and so does /exit")
      }
    }
  }

  /// Does what a command says; true to leave.
  private func obey(_ line: String) -> Bool {
    let command: ChatCommand
    do { command = try ChatCommand(line) } catch {
      Terminal.error(ErrorText.shown(error.description))
      return false
    }
    switch command {
    case .thinking(let mode): adopt(mode: mode, options)
    case .speculation(let speculation):
      guard let speculation else {
        note(settings)
        break
      }
      var changed = options
      changed.speculation = speculation
      adopt(mode: mode, changed)
    case .budget(let budget):
      guard let budget else {
        note(settings)
        break
      }
      var changed = options
      changed.thinkingBudget = budget
      adopt(mode: mode, changed)
    case .stats:
      for line in statistics.lines(settings: settings, context: session.context) { note(line) }
    case .reset:
      session.reset()
      statistics = ChatStatistics()
      note("the conversation is forgotten")
    case .help: note(ChatCommand.manual)
    case .exit: return true
    }
    return false
  }

  /// Takes new settings over if the model can do what they say.
  private func adopt(mode: ThinkingMode?, _ options: ReplyOptions) {
    do {
      try session.check(thinking: mode, options: options)
      self.mode = mode
      self.options = options
      note(settings)
    } catch {
      Terminal.error("error: \(ErrorText.shown("\(error)"))")
    }
  }

  private var settings: String {
    var parts = ["thinking: \((mode ?? session.model.thinkingProfile?.defaultMode)?.rawValue ?? "none")"]
    if let budget = options.thinkingBudget { parts.append("at most \(budget) tokens of thought") }
    let speculation =
      switch options.speculation {
      case .off: "off"
      case .automatic: "auto"
      case .mtp(let depth): "mtp, depth \(depth)"
      case .lookup(let depth): "lookup, depth \(depth)"
      }
    return (parts + ["speculation: \(speculation)"]).joined(separator: " · ")
  }

  /// Writes the reply to a message; a status to leave with, where a person wants to.
  private func answer(_ message: String) -> Int32? {
    let run = ReplyRun(session: session, editor: input.editor, terminal: terminal)
    let outcome = run.run(session.streamReply(to: message, thinking: mode, options: options))
    interrupts = run.interrupts
    switch outcome {
    case .finished(let reply):
      statistics.add(reply)
      if isInteractive { note(ChatStatistics.line(reply) + choice(reply)) }
      if reply.answer.isEmpty { note("there was no answer, so the conversation stays as it was") }
    case .failed(let error): Terminal.error("error: \(ErrorText.shown("\(error)"))")
    case .leave(let status): return status
    }
    return nil
  }

  /// Who chose how to think, in automatic mode.
  private func choice(_ reply: Reply) -> String {
    guard (mode ?? session.model.thinkingProfile?.defaultMode) == .auto else { return "" }
    let outcome = ThinkingOutcome(session.model, requested: mode, reply.result)
    return outcome.used.map { " · thinking \($0.rawValue) (\(outcome.reason))" } ?? ""
  }

  private func note(_ text: String) {
    Terminal.error(stylesErrors ? "\u{1B}[2m\(text)\u{1B}[0m" : text)
  }
}
