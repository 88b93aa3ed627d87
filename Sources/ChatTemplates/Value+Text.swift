extension Value {
  /// The value as Python's `str` shows it, which is what a template prints.
  var text: String {
    switch self {
    case .undefined: ""
    case .string(let text): text
    default: representation
    }
  }

  /// The value as Python's `repr` shows it, which is how lists show their elements.
  var representation: String {
    var result = ""
    write(to: &result)
    return result
  }

  /// Beyond this depth, which only namespaces inside namespaces reach, values are shown as dots.
  private static let maximumDepth = 300
  /// Beyond this length the rest is left out; what is longer than the limits allow fails soon after.
  private static let maximumBytes = TemplateLimits.maximumOutputBytes

  private func write(to result: inout String, _ depth: Int = 0) {
    if depth > Self.maximumDepth || result.utf8.count > Self.maximumBytes {
      result += "..."
      return
    }
    switch self {
    case .undefined: result += "Undefined"
    case .none: result += "None"
    case .bool(let truth): result += truth ? "True" : "False"
    case .int(let number): result += String(number)
    case .float(let number): result += PythonText.representation(of: number)
    case .string(let text): result += PythonText.representation(of: text)
    case .list(let elements): Self.write(elements, "[", "]", to: &result, depth + 1)
    case .tuple(let elements):
      Self.write(elements, "(", elements.count == 1 ? ",)" : ")", to: &result, depth + 1)
    case .view(let name, let elements): Self.write(elements, "\(name)([", "])", to: &result, depth + 1)
    case .dictionary(let entries): Self.write(entries, to: &result, depth + 1)
    case .namespace(let namespace):
      result += "<Namespace "
      Self.write(namespace.attributes, to: &result, depth + 1)
      result += ">"
    case .generator: result += "<generator object>"
    case .macro(let macro): result += "<Macro '\(macro.definition.name)'>"
    case .function(let function): result += "<function \(function.name)>"
    case .loop(let loop): result += "<LoopContext \(loop.index + 1)/\(loop.elements.count)>"
    }
  }

  private static func write(
    _ elements: [Value], _ opening: String, _ closing: String, to result: inout String, _ depth: Int
  ) {
    result += opening
    for (index, element) in elements.enumerated() {
      if index > 0 { result += ", " }
      element.write(to: &result, depth)
    }
    result += closing
  }

  private static func write(_ entries: ValueDictionary, to result: inout String, _ depth: Int) {
    result += "{"
    for (index, (key, value)) in zip(entries.keys, entries.values).enumerated() {
      if index > 0 { result += ", " }
      key.write(to: &result, depth)
      result += ": "
      value.write(to: &result, depth)
    }
    result += "}"
  }
}
