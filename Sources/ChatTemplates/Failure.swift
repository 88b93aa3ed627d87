/// Why evaluating something failed; the interpreter adds the line.
struct Failure: Error {
  let kind: TemplateError.Kind
  let message: String

  init(_ message: String, kind: TemplateError.Kind = .runtime) {
    self.kind = kind
    self.message = message
  }
}
