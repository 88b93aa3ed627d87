/// What `namespace(...)` makes: attributes that a template may set, also from inside a loop.
final class Namespace {
  var attributes: ValueDictionary

  init(_ attributes: ValueDictionary) { self.attributes = attributes }
}

/// Elements that can be walked over once, as filters like `map` and `selectattr` return them.
final class Generator {
  /// The elements that are left, in reverse.
  private var reversed: [Value]

  var elements: [Value] { reversed.reversed() }

  init(_ elements: [Value]) { reversed = elements.reversed() }

  func takeAll() -> [Value] {
    defer { reversed = [] }
    return elements
  }

  func takeFirst() -> Value? { reversed.popLast() }
}

/// Something that can be called: a global function or a method of a value.
final class Function {
  typealias Body = (Interpreter, Arguments) throws(Failure) -> Value

  let name: String
  /// The value that a method belongs to.
  let receiver: Value?
  let call: Body

  init(_ name: String, of receiver: Value? = nil, _ call: @escaping Body) {
    self.name = name
    self.receiver = receiver
    self.call = call
  }
}

/// A macro with the scope that it was defined in.
final class Macro {
  let definition: Statement.Definition
  let scope: Scope

  init(_ definition: Statement.Definition, scope: Scope) {
    self.definition = definition
    self.scope = scope
  }
}

/// The variable `loop`.
final class LoopState {
  let elements: [Value]
  var index = 0
  var lastChanged: [Value]?
  let depth: Int

  init(_ elements: [Value], depth: Int) {
    self.elements = elements
    self.depth = depth
  }

  /// An attribute, such as `loop.first`; nil where there is none of that name.
  func attribute(_ name: String) -> Value? {
    switch name {
    case "index": .int(index + 1)
    case "index0": .int(index)
    case "revindex": .int(elements.count - index)
    case "revindex0": .int(elements.count - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(index == elements.count - 1)
    case "length": .int(elements.count)
    case "depth": .int(depth + 1)
    case "depth0": .int(depth)
    case "previtem": index > 0 ? elements[index - 1] : .undefined("there is no previous item")
    case "nextitem": index + 1 < elements.count ? elements[index + 1] : .undefined("there is no next item")
    case "cycle":
      .function(
        Function("cycle", of: .loop(self)) { [self] (_, arguments) throws(Failure) in
          if arguments.positional.isEmpty { throw Failure("no items for cycling given") }
          return arguments.positional[index % arguments.positional.count]
        })
    case "changed":
      .function(
        Function("changed", of: .loop(self)) { [self] (interpreter, arguments) throws(Failure) in
          let before = lastChanged
          lastChanged = arguments.positional
          do throws(Failure) {
            // Loops can hold one another this way, as deep as variables.
            try interpreter.checkDepth(.tuple(arguments.positional))
          } catch {
            lastChanged = nil
            throw error
          }
          guard let before else { return .bool(true) }
          return .bool(!Value.tuple(before).equals(.tuple(arguments.positional)))
        })
    default: nil
    }
  }
}

/// Variables, and the scope around them.
final class Scope {
  private var variables: [String: Value] = [:]
  private let parent: Scope?

  init(parent: Scope?) { self.parent = parent }

  subscript(_ name: String) -> Value? {
    get {
      var scope: Scope? = self
      while let current = scope {
        if let value = current.variables[name] { return value }
        scope = current.parent
      }
      return nil
    }
    set { variables[name] = newValue }
  }

  func removeAll() { variables = [:] }
}

/// What a call passes.
struct Arguments {
  var positional: [Value] = []
  var named: [(name: String, value: Value)] = []

  /// The arguments in the order of a function's parameters, nil where one is not given.
  func bound(_ function: String, _ parameters: String...) throws(Failure) -> [Value?] {
    if positional.count > parameters.count {
      throw Failure("\(function) takes at most \(parameters.count) arguments, \(positional.count) were given")
    }
    var values: [Value?] = positional + [Value?](repeating: nil, count: parameters.count - positional.count)
    for (name, value) in named {
      guard let position = parameters.firstIndex(of: name) else {
        throw Failure("\(function) has no argument \"\(name)\"")
      }
      if values[position] != nil { throw Failure("\(function) got argument \"\(name)\" twice") }
      values[position] = value
    }
    return values
  }
}
