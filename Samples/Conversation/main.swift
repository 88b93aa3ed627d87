// A conversation that changes between fast and slow thinking: swift run -c release Conversation
import Foundation
import FusionSpec

let model = try await LanguageModel.load(contentsOf: URL(filePath: "Samples/Abacus"))
let session = LanguageModelSession(model: model)

let first = try await session.reply(to: "What is 12 + 7?", thinking: .fast)
print(first.answer)

for try await piece in session.streamReply(to: "What is 347 * 28?", thinking: .slow) {
  switch piece {
  case .thought: break
  case .answer(let text): print(text, terminator: "")
  case .finished(let reply):
    print(
      "\n\(reply.result.thinkingTokenCount) tokens of thought, \(reply.result.cachedTokenCount) tokens reused"
    )
  }
}
