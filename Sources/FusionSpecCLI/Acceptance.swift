import ArgumentParser
import Decoding
import Foundation
import FusionSpec
import Tokenization

/// `fusionspec acceptance`.
struct Acceptance: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check that speculation changes no token, and measure what it gains.",
    discussion: """
      Runs each prompt plain and with each setting, compares the token ids, and reports acceptance by position, phase and \
      category, the speedup against plain decoding in the same run, the slowest prompt, and accuracy where the file has \
      answers. Exits with 1 if any ids differ.

      Before that the MTP head's wiring is tested: it is asked to predict the model's own text. A head that agrees with the \
      model hardly more often than chance was loaded or published wrongly. `generate` makes the same test by itself \
      when nearly all drafts were wrong.
      """)

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @OptionGroup(title: "Runs") var arguments: AcceptanceArguments

  @Option(
    help: ArgumentHelp(
      "Prompts as JSON Lines; may be repeated. A line has prompt or messages, and optionally id, category, answer, thinking.",
      valueName: "file"), completion: .file(extensions: ["jsonl"]))
  var prompts: [String]
  @Flag(help: "Take prompts as plain text, without the chat template.") var raw = false
  @Option(help: "Run only this many prompts, evenly spread over the files.") var limit: Int?
  @Option(help: "Write the numbers as JSON; - prints them on stdout.", completion: .file()) var json: String?
  @Option(help: "Write a page with plots, complete in one file.", completion: .file()) var html: String?

  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    if prompts.isEmpty { throw ValidationError("--prompts is missing") }
    if let limit, limit < 1 { throw ValidationError("--limit: found \(limit), accepted: 1 or more") }
    if raw, arguments.thinking != nil {
      throw ValidationError("--thinking works through the chat template, which --raw leaves out")
    }
    if raw, arguments.thinkingBudgets != nil {
      throw ValidationError(
        "--thinking-budgets needs slow thinking, which works through the chat template; --raw leaves it out")
    }
  }

  func run() throws {
    let lines = try readPrompts()
    let model = try modelArguments.load(draftHead: arguments.draftHead)
    let options = try arguments.options(model, prompts: lines, isRaw: raw)
    if options.syntheticAcceptance != nil { Terminal.error(AcceptanceRates.warning) }
    Interruption.watch()
    let modes = options.thinking.flatMap { mode in
      mode.map { [$0] } ?? lines.map { $0.thinking ?? model.thinkingProfile?.defaultMode }
    }
    let runner = try AcceptanceRunner(model: model, prompts: lines, options: options)
    try arguments.limits.check(runner.allRequests, isAutomatic: modes.contains(.auto))
    if runner.promptCount == 0 {
      throw CommandError.failure("no prompt fits into the context of \(model.context)")
    }
    let progress = ProgressLine()
    let report = try runner.run(progress: progress.show, isCancelled: { Interruption.isRequested })
    progress.clear()
    if report.prompts.isEmpty { throw ExitCode(130) }
    try write(report, model)
    // Standard output carries one result alone.
    let table = AcceptanceTable(report).text
    if json == "-" { Terminal.error(table) } else { Terminal.output(table + "\n") }
    if Interruption.isRequested { throw ExitCode(130) }
    try Self.check(report)
  }

  /// Fails if any token ids differ from those of plain decoding, and says where.
  static func check(_ report: AcceptanceReport) throws {
    guard report.isIdentical == false else { return }
    let settings = report.results.compactMap { result -> String? in
      let places = result.differingPrompts
      if places.isEmpty { return nil }
      let names = places.prefix(8).map { report.prompts[$0].id }.joined(separator: ", ")
      return "\(result.setting.fullName): \(places.count) of \(report.prompts.count) prompts"
        + " (\(names)\(places.count > 8 ? ", …" : ""))"
    }
    throw CommandError.failure("token ids differ from plain decoding\n" + settings.joined(separator: "\n"))
  }

  private func write(_ report: AcceptanceReport, _ model: LanguageModel) throws {
    if let json {
      let line = AcceptanceDocument(report).document.line() + "\n"
      if json == "-" { Terminal.output(line) } else { try TextOutput.write(line, to: json) }
    }
    if let html { try TextOutput.write(AcceptancePage(report, model: model).html, to: html) }
  }

  private func readPrompts() throws -> [ReportPrompt] {
    var all: [ReportPrompt] = []
    for path in prompts {
      for line in try PromptFile.read(path, isRaw: raw) {
        all.append(
          ReportPrompt(
            id: line.id ?? "prompt \(all.count + 1)", prompt: line.prompt,
            thinking: raw ? nil : line.thinking,
            category: line.category, answer: line.answer))
      }
    }
    guard let limit, limit < all.count else { return all }
    return (0..<limit).map { all[$0 * all.count / limit] }
  }
}

/// How far a long run has come, on a terminal only.
struct ProgressLine {
  private let isShown = isatty(2) == 1

  func show(_ done: Int, _ total: Int) {
    if isShown { StandardStreams.error("\r\(done) of \(total)") }
  }

  func clear() {
    if isShown { StandardStreams.error("\r\u{1B}[K") }
  }
}
