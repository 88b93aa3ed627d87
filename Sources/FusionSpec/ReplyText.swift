public import Decoding
import Tokenization

/// Builds the text of a reply as its tokens arrive, thoughts and answer apart, and finds stop strings.
public struct ReplyText: Sendable {
  /// A piece of text that has become certain.
  public struct Piece: Sendable, Equatable {
    /// The text.
    public let text: String
    /// The part of the reply it belongs to.
    public let phase: Phase
  }

  /// Text between the thinking markers so far.
  public private(set) var thinkingText = ""
  /// Text outside of them so far.
  public private(set) var answerText = ""
  /// Whether the reply begins in its thoughts or a thinking marker has been seen.
  public private(set) var hasThoughts = false
  /// The tokens that open and close thoughts.
  private let markers: (open: Int32, close: Int32)?
  private let tokenizer: (any Tokenizer)?
  private var detokenizer: StreamingDetokenizer?
  private var stops: StopStrings
  private var phase: Phase = .answer

  /// Begins a reply of a model after a prompt, which may have opened the thoughts.
  public init(_ model: LanguageModel, after prompt: [Int32], stopStrings: [String] = []) {
    let profile = model.thinkingProfile
    markers = profile.map { ($0.open.token, $0.close.token) }
    tokenizer = model.text?.tokenizer
    if let profile, let tokenizer, profile.startsInThoughts(after: prompt, tokenizer: tokenizer) {
      phase = .thinking
      hasThoughts = true
    }
    detokenizer = tokenizer.map { StreamingDetokenizer($0, continuing: true) }
    stops = StopStrings(stopStrings)
  }

  /// Whether a stop string has been completed; later tokens do not belong to the reply.
  public var isStopped: Bool { stops.isStopped }

  /// Takes a token; returns the text that it made certain, nil for none.
  public mutating func append(_ token: Int32) -> Piece? {
    if let markers, token == (phase == .answer ? markers.open : markers.close), let tokenizer {
      let rest = settle((detokenizer?.finish() ?? "") + stops.finish())
      detokenizer = StreamingDetokenizer(tokenizer, continuing: true)
      hasThoughts = true
      phase = phase == .answer ? .thinking : .answer
      return rest
    }
    return settle(stops.append(detokenizer?.append(token) ?? ""))
  }

  /// Ends the reply; returns text that was held back.
  public mutating func finish() -> Piece? {
    if isStopped { return nil }
    let rest = stops.append(detokenizer?.finish() ?? "")
    return settle(rest + stops.finish())
  }

  private mutating func settle(_ text: String) -> Piece? {
    if text.isEmpty { return nil }
    if phase == .thinking { thinkingText += text } else { answerText += text }
    return Piece(text: text, phase: phase)
  }
}
