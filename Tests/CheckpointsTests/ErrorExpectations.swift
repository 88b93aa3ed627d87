import Checkpoints
import Testing

/// Expects `body` to fail with a `LoadError` of that kind whose description, of one or two lines, holds every fragment.
func expectLoadError<Result>(
  _ kind: LoadError.Kind, _ fragments: String..., sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Result
) {
  let error = #expect(throws: LoadError.self, sourceLocation: sourceLocation) { _ = try body() }
  guard let error else { return }
  #expect(error.kind == kind, "\(error)", sourceLocation: sourceLocation)
  for fragment in fragments {
    #expect(error.description.contains(fragment), "\(error)", sourceLocation: sourceLocation)
  }
  expectReadable(error, sourceLocation: sourceLocation)
}

/// Every error is one or two lines and no longer than a person reads.
func expectReadable(_ error: LoadError, sourceLocation: SourceLocation = #_sourceLocation) {
  let lines = error.description.split(separator: "\n", omittingEmptySubsequences: false)
  #expect((1...2).contains(lines.count), "\(error)", sourceLocation: sourceLocation)
  #expect(error.description.count < 4000, sourceLocation: sourceLocation)
  #expect(!error.file.isEmpty && !error.problem.isEmpty, sourceLocation: sourceLocation)
}
