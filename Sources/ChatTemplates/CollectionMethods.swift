/// The methods of dictionaries, lists and tuples that do not change them: nothing a template was given can be changed.
enum CollectionMethods {
  static func method(_ name: String, of entries: ValueDictionary) -> Function? {
    switch name {
    case "items":
      Function(name, of: .dictionary(entries)) { (interpreter, arguments) throws(Failure) in
        _ = try arguments.bound(name)
        try interpreter.reserve(objects: entries.count)
        return .view("dict_items", entries.items)
      }
    case "keys":
      plain(name, of: .dictionary(entries)) { .view("dict_keys", entries.keys) }
    case "values":
      plain(name, of: .dictionary(entries)) { .view("dict_values", entries.values) }
    case "copy":
      plain(name, of: .dictionary(entries)) { .dictionary(entries) }
    case "get":
      Function(name, of: .dictionary(entries)) { (_, arguments) throws(Failure) in
        let values = try arguments.bound("get", "key", "default")
        guard let key = values[0] else { throw Failure("get expected at least 1 argument") }
        return entries[key] ?? values[1] ?? .none
      }
    case "pop", "popitem", "update", "setdefault", "clear": unsafe(name, "dict")
    default: nil
    }
  }

  static func method(_ name: String, of elements: [Value], isList: Bool) -> Function? {
    switch name {
    case "copy" where isList:
      plain(name, of: .list(elements)) { .list(elements) }
    case "count":
      Function(name, of: .list(elements)) { (interpreter, arguments) throws(Failure) in
        guard let wanted = try arguments.bound("count", "value")[0] else {
          throw Failure("count needs a value")
        }
        try interpreter.chargeWalk(.list(elements))
        return .int(elements.count { $0.equals(wanted) })
      }
    case "index":
      Function(name, of: .list(elements)) { (interpreter, arguments) throws(Failure) in
        guard let wanted = try arguments.bound("index", "value")[0] else {
          throw Failure("index needs a value")
        }
        try interpreter.chargeWalk(.list(elements))
        guard let position = elements.firstIndex(where: { $0.equals(wanted) }) else {
          throw Failure("\(wanted.representation) is not in the list")
        }
        return .int(position)
      }
    case "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse":
      isList ? unsafe(name, "list") : nil
    default: nil
    }
  }

  private static func plain(_ name: String, of receiver: Value, _ value: @escaping () -> Value) -> Function {
    Function(name, of: receiver) { (_, arguments) throws(Failure) in
      _ = try arguments.bound(name)
      return value()
    }
  }

  private static func unsafe(_ name: String, _ type: String) -> Function {
    Function(name) { (_, _) throws(Failure) in
      throw Failure("access to attribute '\(name)' of '\(type)' object is unsafe")
    }
  }
}
