public import Checkpoints
public import Foundation

extension LanguageModel {
  /// Opens a checkpoint folder on a thread of its own, for callers that must not wait. See `init(contentsOf:options:)`.
  public static func load(
    contentsOf directory: URL, options: ModelOptions = ModelOptions()
  ) async throws(LoadError) -> LanguageModel {
    let thread = DecodingThread(name: "fusionspec load")
    let outcome = await withCheckedContinuation { continuation in
      thread.run {
        continuation.resume(
          returning: Result { () throws(LoadError) in
            try LanguageModel(contentsOf: directory, options: options)
          })
      }
    }
    return try outcome.get()
  }
}
