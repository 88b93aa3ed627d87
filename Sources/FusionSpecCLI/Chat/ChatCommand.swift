import Decoding
import FusionSpec

/// What can be told to `fusionspec chat` besides messages.
enum ChatCommand: Equatable {
  case thinking(ThinkingMode)
  case speculation(Speculation?)
  /// Nil asks for the budget, a nil inside takes the limit away.
  case budget(Int??)
  case stats
  case reset
  case help
  case exit

  /// Why a line is no command.
  struct Mistake: Error, Equatable {
    let description: String
  }

  static let names = [
    "/fast", "/slow", "/auto", "/think", "/speculation", "/stats", "/reset", "/help", "/exit",
  ]

  static let manual = """
    /fast, /slow, /auto           how to think about the next messages; the conversation goes on
    /think N                      at most N tokens of thought; /think off for no limit
    /speculation off|auto|mtp|lookup [depth]   drafting; the text stays the same
    /stats                        what the last reply and the conversation took
    /reset                        forget the conversation
    /exit                         leave; so does the end of input (Ctrl-D)
    Ctrl-C stops the answer, twice leaves. Escape or Ctrl-T ends the thinking and has the answer begin.
    A backslash at the end of a line, or Alt-Enter, goes on in the next; \"\"\" begins and ends text of many lines.
    A space before / makes it a message.
    """

  /// Reads a line that begins with "/".
  init(_ line: String) throws(Mistake) {
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    let name = words.first ?? "/"
    let arguments = words.dropFirst()
    func alone(_ command: ChatCommand) throws(Mistake) -> ChatCommand {
      guard arguments.isEmpty else {
        throw Mistake(description: "\(name) stands alone: found '\(arguments.joined(separator: " "))'")
      }
      return command
    }
    switch name {
    case "/fast": self = try alone(.thinking(.fast))
    case "/slow": self = try alone(.thinking(.slow))
    case "/auto": self = try alone(.thinking(.auto))
    case "/stats": self = try alone(.stats)
    case "/reset": self = try alone(.reset)
    case "/help": self = try alone(.help)
    case "/exit", "/quit": self = try alone(.exit)
    case "/think": self = .budget(try Self.budget(Array(arguments)))
    case "/speculation": self = .speculation(try Self.speculation(Array(arguments)))
    default:
      throw Mistake(
        description: "unknown command '\(name.prefix(40))': there are \(Self.names.joined(separator: ", "))")
    }
  }

  private static func budget(_ arguments: [String]) throws(Mistake) -> Int?? {
    guard let word = arguments.first else { return .none }
    if arguments.count == 1, word == "off" { return .some(nil) }
    guard arguments.count == 1, let budget = Int(word), budget >= 0 else {
      throw Mistake(
        description:
          "/think: found '\(arguments.joined(separator: " ").prefix(40))', accepted: 0 or more, or off")
    }
    return budget
  }

  private static func speculation(_ arguments: [String]) throws(Mistake) -> Speculation? {
    guard let word = arguments.first else { return nil }
    var depth: Int?
    if arguments.count > 1 {
      depth = Int(arguments[1])
      guard arguments.count == 2, let depth, Speculation.depths.contains(depth),
        word == "mtp" || word == "lookup"
      else {
        throw Mistake(
          description:
            "/speculation: found '\(arguments.joined(separator: " ").prefix(40))', accepted: off, auto, "
            + "mtp or lookup with a depth of 1 to \(Speculation.depths.upperBound)")
      }
    }
    switch word {
    case "off": return .off
    case "auto": return .automatic
    case "mtp": return .mtp(depth: depth ?? 3)
    case "lookup": return .lookup(depth: depth ?? 5)
    default:
      throw Mistake(
        description: "/speculation: found '\(word.prefix(40))', accepted: off, auto, mtp, lookup")
    }
  }
}
