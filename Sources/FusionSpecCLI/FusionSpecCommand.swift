import ArgumentParser
import Checkpoints
import Decoding
import Foundation
import FusionSpec
import Tensors
import Tokenization

@main
struct FusionSpecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fusionspec",
    abstract: "Runs mixture-of-experts language models with multi-token prediction on CPUs.",
    discussion: """
      Speculation never changes the text: for one model, prompt and options the token ids are the same with speculation \
      on or off, in any batch, with any number of threads.
      """,
    version: "0.1.0",
    subcommands: [
      Generate.self, Chat.self, Demo.self, Acceptance.self, Bench.self, Score.self, Inspect.self,
      Tokenize.self,
    ])

  /// Runs the command line; every error ends as one or two lines on stderr and the exit status of its kind.
  static func main() {
    StandardStreams.open()
    Interruption.leaveAtOnce()
    SystemRefusal.handle { message in
      TerminalMode.leave()
      StandardStreams.error("error: \(message)\n")
      _exit(1)
    }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as any CommandFailure {
      Terminal.error("error: \(ErrorText.shown("\(error)"))")
      Foundation.exit(error.exitStatus)
    } catch {
      if exitCode(for: error) == .validationFailure { endWithUsage(error) }
      exit(withError: error)
    }
  }

  /// What was wrong with the command line in one line, and whose help to ask for.
  private static func endWithUsage(_ error: any Error) -> Never {
    let problem = message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
    Terminal.error("error: \(ErrorText.shown(AcceptedValues.completed(problem)))")
    let advice = fullMessage(for: error).split(whereSeparator: \.isNewline).last {
      $0.contains("--help' for more")
    }
    Terminal.error(
      advice?.drop(while: \.isWhitespace).description ?? "See 'fusionspec --help' for more information.")
    Foundation.exit(exitCode(for: error).rawValue)
  }
}

/// An error that knows the exit status it ends the command with: 1 for failures at run time, 64 for wrong usage.
protocol CommandFailure: Error, CustomStringConvertible {
  var exitStatus: Int32 { get }
}

extension LoadError: CommandFailure {
  var exitStatus: Int32 { 1 }
}

extension RequestError: CommandFailure {
  var exitStatus: Int32 { 64 }
}

extension PromptError: CommandFailure {
  var exitStatus: Int32 {
    switch self {
    case .noTokenizer, .text: 1
    case .thinkingUnsupported, .thinkingNeedsConversation, .thinkingNeedsUserMessage, .noThoughts: 64
    }
  }
}

extension SessionError: CommandFailure {
  var exitStatus: Int32 {
    switch self {
    case .busy, .cancelled: 1
    case .prompt(let error): error.exitStatus
    case .request(let error): error.exitStatus
    }
  }
}

extension TokenizerError: CommandFailure {
  var exitStatus: Int32 {
    if case .tokenOutOfRange = self { 64 } else { 1 }
  }
}

/// A failure of the command itself.
struct CommandError: CommandFailure {
  let description: String
  let exitStatus: Int32

  /// Something went wrong at run time.
  static func failure(_ text: String) -> CommandError { CommandError(description: text, exitStatus: 1) }
  /// The command was used wrongly.
  static func usage(_ text: String) -> CommandError { CommandError(description: text, exitStatus: 64) }
}
