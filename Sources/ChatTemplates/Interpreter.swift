/// Runs the statements of one template, once.
final class Interpreter {
  /// How a statement sequence ended.
  enum Flow {
    case normal, breakLoop, continueLoop
  }

  let limits: TemplateLimits
  /// The time for `strftime_now`, in seconds since 1970; nil for the clock's.
  let time: Int?
  /// The line of the template that is being run.
  private(set) var line = 1
  private(set) var output = ""
  /// What the block whose filters are being applied has produced.
  var captured = ""
  private var stepsLeft: Int
  private var depth = 0
  private var loopDepth = 0

  init(limits: TemplateLimits, time: Int?) {
    var limits = limits
    limits.outputBytes = min(limits.outputBytes, TemplateLimits.maximumOutputBytes)
    self.limits = limits
    self.time = time
    stepsLeft = limits.steps
  }

  // MARK: - Limits

  /// Counts work; big operations count for more than one step.
  func charge(_ steps: Int = 1) throws(Failure) {
    stepsLeft -= steps
    if stepsLeft < 0 { throw Failure("the template takes more than \(limits.steps) steps", kind: .limit) }
  }

  /// Counts the making of a text or list before it is made.
  func reserve(bytes: Int, times: Int = 1) throws(Failure) {
    let (total, overflow) = bytes.multipliedReportingOverflow(by: times)
    if overflow || total > limits.outputBytes {
      throw Failure("the template makes text of more than \(limits.outputBytes) bytes", kind: .limit)
    }
    try charge(total / 16)
  }

  func checked(_ text: String) throws(Failure) -> String {
    try reserve(bytes: text.utf8.count)
    return text
  }

  func checked(_ elements: [Value]) throws(Failure) -> [Value] {
    try reserve(bytes: elements.count * 16)
    return elements
  }

  /// Counts the making of `count` objects in memory, such as entries of a dictionary or pieces of a text.
  func reserve(objects count: Int) throws(Failure) {
    try charge(4 * count)
  }

  /// The elements that a loop walks over, counted before they are made; nil where the value cannot be walked over.
  func elements(of value: Value) throws(Failure) -> [Value]? {
    if case .string(let text) = value { try charge(text.utf8.count) }
    return value.elements
  }

  /// Counts how deep the interpreter is inside of itself.
  func nested<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    depth += 1
    defer { depth -= 1 }
    if depth > limits.depth { throw Failure("the template nests deeper than \(limits.depth)", kind: .limit) }
    return try body()
  }

  func at(line: Int) { self.line = line }

  // MARK: - Memory

  /// Objects that may refer to one another in circles, to be emptied at the end.
  private var namespaces: [Namespace] = []
  private var scopes: [Scope] = []
  private static let maximumValueDepth = 100

  func makeNamespace(_ attributes: ValueDictionary) throws(Failure) -> Namespace {
    try reserve(objects: attributes.count)
    let namespace = Namespace(attributes)
    namespaces.append(namespace)
    return namespace
  }

  /// Breaks the circles of references that macros and namespaces make.
  func finish() {
    for namespace in namespaces { namespace.attributes = ValueDictionary() }
    for scope in scopes { scope.removeAll() }
  }

  /// Refuses values that are nested so deep that showing, comparing or releasing them could exhaust the stack.
  ///
  /// Values grow deep only through variables, so variables are where it is checked.
  func checkDepth(_ value: Value, _ depth: Int = 0) throws(Failure) {
    if depth > Self.maximumValueDepth {
      throw Failure("a value is nested deeper than \(Self.maximumValueDepth)", kind: .limit)
    }
    let parts = Self.parts(of: value)
    try charge((parts.count + 3) / 4)
    for part in parts { try checkDepth(part, depth + 1) }
  }

  /// Counts a walk over everything in a value, such as a comparison makes; that of a text goes by `bytesPerStep`.
  func chargeWalk(_ value: Value, times: Int = 1, bytesPerStep: Int = 64) throws(Failure) {
    if case .string(let text) = value { return try charge(text.utf8.count / bytesPerStep * times) }
    let parts = Self.parts(of: value)
    try charge(parts.count * times)
    for part in parts { try chargeWalk(part, times: times, bytesPerStep: bytesPerStep) }
  }

  /// Counts what looking at a value itself takes, not at what is in it.
  func chargeLook(_ value: Value) throws(Failure) {
    switch value {
    case .string(let text): try charge(text.utf8.count / 16)
    default: try charge((value.length ?? 0) / 16)
    }
  }

  private static func parts(of value: Value) -> [Value] {
    switch value {
    case .list(let elements), .tuple(let elements), .view(_, let elements): elements
    case .dictionary(let entries): entries.values
    case .generator(let generator): generator.elements
    case .loop(let loop): loop.elements + (loop.lastChanged ?? [])
    case .function(let function): function.receiver.map { [$0] } ?? []
    default: []
    }
  }

  // MARK: - Statements

  func run(_ statements: [Statement], _ scope: Scope) throws(Failure) -> Flow {
    for statement in statements {
      let flow = try nested { () throws(Failure) in try run(statement, scope) }
      if flow != .normal { return flow }
    }
    return .normal
  }

  private func run(_ statement: Statement, _ scope: Scope) throws(Failure) -> Flow {
    try charge()
    line = statement.line
    switch statement.kind {
    case .text(let text): try write(text)
    case .print(let expression): try write(try evaluate(expression, scope).text)
    case .assign(let assignment):
      try assign(try evaluate(assignment.value, scope), to: assignment.target, scope)
    case .assignBlock(let target, let filter, let body):
      let text = try capture { () throws(Failure) in _ = try run(body, Scope(parent: scope)) }
      try assign(try filtered(text, filter, scope), to: target, scope)
    case .branch(let branches, let otherwise):
      for branch in branches where try evaluate(branch.test, scope).isTrue {
        return try run(branch.body, scope)
      }
      return try run(otherwise, scope)
    case .loop(let loop): try run(loop, scope)
    case .macro(let definition):
      scopes.append(scope)
      scope[definition.name] = .macro(Macro(definition, scope: scope))
    case .callBlock(let call, let caller):
      scopes.append(scope)
      let macro = Macro(caller, scope: scope)
      try write(try evaluateCall(call, scope, caller: macro).text)
    case .filterBlock(let filter, let body):
      let text = try capture { () throws(Failure) in _ = try run(body, Scope(parent: scope)) }
      try write(try filtered(text, filter, scope).text)
    case .with(let assignments, let body):
      let inner = Scope(parent: scope)
      for assignment in assignments {
        try assign(try evaluate(assignment.value, scope), to: assignment.target, inner)
      }
      return try run(body, inner)
    case .scope(let body): return try run(body, Scope(parent: scope))
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .normal
  }

  private func filtered(_ text: String, _ filter: Expression?, _ scope: Scope) throws(Failure) -> Value {
    guard let filter else { return .string(text) }
    let outer = captured
    defer { captured = outer }
    captured = text
    return try evaluate(filter, scope)
  }

  private func write(_ text: String) throws(Failure) {
    try reserve(bytes: text.utf8.count)
    output += text
    if output.utf8.count > limits.outputBytes {
      throw Failure("the template writes more than \(limits.outputBytes) bytes", kind: .limit)
    }
  }

  /// What `body` writes, instead of writing it.
  func capture(_ body: () throws(Failure) -> Void) throws(Failure) -> String {
    let outer = output
    output = ""
    defer { output = outer }
    try body()
    return output
  }

  private func assign(_ value: Value, to target: Target, _ scope: Scope) throws(Failure) {
    switch target {
    case .name(let name):
      try checkDepth(value)
      scope[name] = value
    case .attribute(let object, let name):
      guard case .namespace(let namespace) = scope[object] else {
        throw Failure("cannot assign attribute on non-namespace object")
      }
      if name.utf8.first == UInt8(ascii: "_") { throw Failure("namespace attributes cannot begin with _") }
      try checkDepth(value)
      namespace.attributes.set(.string(name), value)
    case .tuple(let targets):
      guard let elements = try elements(of: value) else { throw Failure("cannot unpack a \(value.typeName)") }
      if elements.count != targets.count {
        throw Failure("cannot unpack \(elements.count) values into \(targets.count) names")
      }
      for (target, element) in zip(targets, elements) { try assign(element, to: target, scope) }
    }
  }

  // MARK: - Loops

  private func run(_ loop: Statement.Loop, _ scope: Scope) throws(Failure) {
    let values = try evaluate(loop.values, scope)
    guard var elements = try elements(of: values) else {
      throw Failure("'\(values.typeName)' object is not iterable")
    }
    try charge(elements.count)
    if let filter = loop.filter {
      var kept: [Value] = []
      for element in elements {
        let inner = Scope(parent: scope)
        try assign(element, to: loop.target, inner)
        if try evaluate(filter, inner).isTrue { kept.append(element) }
      }
      elements = kept
    }
    let state = LoopState(elements, depth: loopDepth)
    for (index, element) in elements.enumerated() {
      try charge()
      state.index = index
      let inner = Scope(parent: scope)
      inner["loop"] = .loop(state)
      try assign(element, to: loop.target, inner)
      if try run(loop.body, inner) == .breakLoop { break }
    }
    if elements.isEmpty { _ = try run(loop.otherwise, Scope(parent: scope)) }
  }
}
