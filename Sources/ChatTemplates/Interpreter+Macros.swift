/// Calls of macros.
extension Interpreter {
  func call(_ macro: Macro, _ arguments: Arguments, caller: Macro?) throws(Failure) -> Value {
    let definition = macro.definition
    let scope = Scope(parent: macro.scope)
    try reserve(objects: arguments.named.count)
    try charge(arguments.named.count * definition.parameters.count / 16)
    var named = ValueDictionary()
    for (name, value) in arguments.named { named.set(.string(name), value) }
    var more = ValueDictionary()
    for (name, value) in zip(named.keys, named.values)
    where !definition.parameters.contains(where: { name.text == $0.name }) {
      if name.text == "caller", case .macro(let given) = value {
        return try call(
          macro,
          Arguments(positional: arguments.positional, named: arguments.named.filter { $0.name != "caller" }),
          caller: given)
      }
      more.set(name, value)
    }
    if !more.isEmpty, !definition.takesMoreNamed {
      throw Failure("macro '\(definition.name)' takes no keyword argument '\(more.keys[0].text)'")
    }
    let extra = arguments.positional.dropFirst(definition.parameters.count)
    if !extra.isEmpty, !definition.takesMorePositional {
      throw Failure(
        "macro '\(definition.name)' takes not more than \(definition.parameters.count) argument(s)")
    }
    for value in arguments.positional + arguments.named.map(\.value) { try checkDepth(value) }
    if definition.takesMoreNamed { scope["kwargs"] = .dictionary(more) }
    if definition.takesMorePositional { scope["varargs"] = .tuple(Array(extra)) }
    scope["caller"] = caller.map(Value.macro) ?? .undefined("No caller defined")
    for (index, parameter) in definition.parameters.enumerated() {
      if index < arguments.positional.count {
        if named[parameter.name] != nil {
          throw Failure("macro '\(definition.name)' got argument '\(parameter.name)' twice")
        }
        scope[parameter.name] = arguments.positional[index]
      } else if let value = named[parameter.name] {
        scope[parameter.name] = value
      } else if let standard = parameter.standard {
        scope[parameter.name] = try evaluate(standard, scope)
      } else {
        scope[parameter.name] = .undefined("parameter '\(parameter.name)' was not provided")
      }
    }
    let callLine = line
    defer { at(line: callLine) }
    return .string(try capture { () throws(Failure) in _ = try run(definition.body, scope) })
  }
}
