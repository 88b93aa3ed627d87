import Decoding
import FusionSpec
import Tokenization

/// A reply whose tokens are shown by what became of their drafts.
struct FateSample {
  /// A token's text.
  struct Piece {
    let text: String
    let phase: Phase
    let fate: TokenFate
  }

  let title: String
  let question: String
  let pieces: [Piece]
  /// Tokens that are not shown.
  var omitted = 0

  private static let longest = 400

  /// The typical reply of each category (of all prompts, where there are none) and the slowest one.
  static func choose(_ report: AcceptanceReport, model: LanguageModel) -> [FateSample] {
    let drafted = report.results.filter { $0.setting.speculation != .off }
    let preferred = drafted.filter { $0.setting.speculation == .automatic }
    let pool = preferred.isEmpty ? drafted.suffix(1) : preferred[...]
    guard let result = pool.first(where: { $0.setting.thinking == .slow }) ?? pool.first else { return [] }
    let ratios = result.summary(report.prompts).ratios
    let timed = ratios.indices.filter { ratios[$0] != nil }.sorted { (ratios[$0] ?? 0) < (ratios[$1] ?? 0) }
    var chosen: [(place: Int, note: String)] = []
    let categories = report.prompts.categories
    for category in categories.prefix(8) {
      let members = timed.filter { report.prompts[$0].category == category }
      if !members.isEmpty { chosen.append((members[members.count / 2], "\(category), typical")) }
    }
    if categories.isEmpty, !timed.isEmpty { chosen.append((timed[timed.count / 2], "typical")) }
    if let slowest = timed.first, !chosen.contains(where: { $0.place == slowest }) {
      chosen.append((slowest, "the slowest prompt"))
    }
    return chosen.map { place, note in
      let speed = AcceptanceTable.number(ratios[place], "%.2f×")
      return FateSample(
        title: "\(report.prompts[place].id) · \(note) · \(speed) with \(result.setting.fullName)",
        question: question(report.prompts[place].prompt), reply: result.replies[place], model: model)
    }
  }

  init(title: String, question: String, pieces: [Piece]) {
    self.title = title
    self.question = question
    self.pieces = pieces
  }

  private init(title: String, question: String, reply: ReplyMeasurement, model: LanguageModel) {
    var pieces: [Piece] = []
    var text = ReplyText(model, after: reply.promptTokens)
    for (token, fate) in zip(reply.tokens, reply.fates).prefix(Self.longest) {
      if model.text == nil {
        pieces.append(Piece(text: "\(token) ", phase: .answer, fate: fate))
      } else if let piece = text.append(token) {
        pieces.append(Piece(text: piece.text, phase: piece.phase, fate: fate))
      }
    }
    if let rest = text.finish() { pieces.append(Piece(text: rest.text, phase: rest.phase, fate: .undrafted)) }
    self.init(title: title, question: question, pieces: pieces)
    omitted = max(0, reply.tokens.count - Self.longest)
  }

  private static func question(_ prompt: Prompt) -> String {
    switch prompt {
    case .messages(let messages): messages.last?.content ?? ""
    case .raw(let text): text
    case .tokens(let tokens): tokens.map(String.init).joined(separator: " ")
    }
  }

  var markup: String {
    var blocks = ""
    var start = 0
    while start < pieces.count {
      let phase = pieces[start].phase
      let end = pieces[start...].firstIndex { $0.phase != phase } ?? pieces.count
      let spans = pieces[start..<end].map { piece in
        let text = HTMLText.escape(piece.text)
        return switch piece.fate {
        case .accepted: "<span class=\"a\" title=\"accepted\">\(text)</span>"
        case .corrected: "<span class=\"c\" title=\"corrected\">\(text)</span>"
        case .undrafted: "<span title=\"undrafted\">\(text)</span>"
        }
      }
      blocks += "<div class=\"phase\">\(phase.name)</div><div class=\"reply\">\(spans.joined())</div>"
      start = end
    }
    let more = omitted > 0 ? "<p class=\"soft\">… \(omitted) more tokens</p>" : ""
    return """
      <div class="card"><h3>\(HTMLText.escape(title))</h3>
      <p class="soft reply">\(HTMLText.escape(String(question.prefix(600))))</p>\(blocks)\(more)</div>
      """
  }
}
