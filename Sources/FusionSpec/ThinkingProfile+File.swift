import ChatTemplates
public import Checkpoints
public import Foundation
public import Tokenization

extension ThinkingProfile {
  /// Reads a profile that a user wrote for a model:
  ///
  ///     {"name": "mine", "open": "<think>", "close": "</think>",
  ///      "switch": {"variable": "enable_thinking", "values": {"fast": false, "slow": true}},
  ///      "default": "slow"}
  ///
  /// Instead of a variable of the chat template the switch may be text behind the last user message, such as
  /// `{"suffix": {"slow": "", "fast": " /no_think"}}`, or the one mode that there is, such as `{"fixed": "slow"}`.
  ///
  /// - Throws: `LoadError`, naming the key, where the file cannot be read or says anything else, or where a marker is not one
  ///   token of the model's tokenizer.
  public init(file: URL, text: TextProcessor) throws(LoadError) {
    let data: Data
    do {
      data = try Data(contentsOf: file)
    } catch {
      throw LoadError(.unreadable, file: file.path, problem: "cannot be read: \(FileProblem.reason(error))")
    }
    do {
      self = try Reader(file: file.path, text: text).profile(TemplateValue(parsingJSON: Array(data)))
    } catch let error as LoadError {
      throw error
    } catch {
      throw LoadError(.malformed, file: file.path, problem: "not JSON: \(error)")
    }
  }

  /// Takes a profile file apart.
  private struct Reader {
    let file: String
    let text: TextProcessor

    func profile(_ document: TemplateValue) throws(LoadError) -> ThinkingProfile {
      guard let entries = document.dictionary else {
        throw failure(nil, "not an object", accepted: "an object with open, close and switch")
      }
      try check(entries, accepted: ["name", "open", "close", "switch", "default"], within: nil)
      let modeSwitch = try modeSwitch(entries["switch"])
      let modes = modeSwitch.modes
      var defaultMode = modes.contains(.slow) ? ThinkingMode.slow : modes[0]
      if let value = entries["default"] { defaultMode = try mode(value.string, key: "default", among: modes) }
      let name = try entries["name"].map { value throws(LoadError) in try string(value, key: "name") }
      return ThinkingProfile(
        name: name ?? "from file", open: try marker(entries["open"], key: "open"),
        close: try marker(entries["close"], key: "close"), modeSwitch: modeSwitch, defaultMode: defaultMode)
    }

    private func marker(_ value: TemplateValue?, key: String) throws(LoadError) -> Marker {
      let string = try string(value, key: key)
      guard let token = text.tokenizer.token(for: string) else {
        throw failure(
          key, "the marker is not one token of the tokenizer", found: LoadError.quoted(string),
          accepted: "the text of a special or added token, such as \"<think>\"")
      }
      return Marker(text: string, token: token)
    }

    private func modeSwitch(_ value: TemplateValue?) throws(LoadError) -> Switch {
      let accepted =
        #"{"variable": NAME, "values": {MODE: VALUE, …}}, {"suffix": {MODE: TEXT, …}} or {"fixed": MODE}"#
      guard let entries = value?.dictionary else {
        throw failure("switch", value == nil ? "missing" : "not an object", accepted: accepted)
      }
      if let fixed = entries["fixed"] {
        try check(entries, accepted: ["fixed"], within: "switch")
        return .fixed(try mode(fixed.string, key: "switch.fixed", among: ThinkingMode.allCases))
      }
      if let suffixes = entries["suffix"] {
        try check(entries, accepted: ["suffix"], within: "switch")
        var texts: [ThinkingMode: String] = [:]
        for (mode, value) in try modes(suffixes, key: "switch.suffix") {
          texts[mode] = try string(value, key: "switch.suffix.\(mode.rawValue)", mayBeEmpty: true)
        }
        return .suffix(texts)
      }
      guard let variable = entries["variable"], let values = entries["values"] else {
        throw failure("switch", "incomplete", accepted: accepted)
      }
      try check(entries, accepted: ["variable", "values"], within: "switch")
      return .templateVariable(
        try string(variable, key: "switch.variable"), values: try modes(values, key: "switch.values"))
    }

    /// Values by mode.
    private func modes(_ value: TemplateValue, key: String) throws(LoadError) -> [ThinkingMode: TemplateValue]
    {
      guard let entries = value.dictionary, !entries.isEmpty else {
        throw failure(key, "not an object with modes", accepted: "keys among fast, slow, auto")
      }
      var values: [ThinkingMode: TemplateValue] = [:]
      for (name, value) in entries {
        values[try mode(name, key: key, among: ThinkingMode.allCases)] = value
      }
      return values
    }

    private func mode(_ name: String?, key: String, among modes: [ThinkingMode]) throws(LoadError)
      -> ThinkingMode
    {
      guard let mode = name.flatMap(ThinkingMode.init(rawValue:)), modes.contains(mode) else {
        throw failure(
          key, "not a mode", found: name.map(LoadError.quoted),
          accepted: modes.map(\.rawValue).joined(separator: ", "))
      }
      return mode
    }

    private func string(_ value: TemplateValue?, key: String, mayBeEmpty: Bool = false) throws(LoadError)
      -> String
    {
      guard let string = value?.string, mayBeEmpty || !string.isEmpty else {
        throw failure(key, value == nil ? "missing" : "not text", accepted: "text")
      }
      return string
    }

    /// A key that nothing reads is a mistake.
    private func check(_ entries: TemplateDictionary, accepted: [String], within parent: String?)
      throws(LoadError)
    {
      for key in entries.keys where !accepted.contains(key) {
        throw failure(
          parent, "unknown key", found: LoadError.quoted(key), accepted: accepted.joined(separator: ", "))
      }
    }

    private func failure(
      _ key: String?, _ problem: String, found: String? = nil, accepted: String? = nil
    ) -> LoadError {
      LoadError(
        .unsuitable, file: file, place: key.map { "key \"\($0)\"" }, problem: problem, found: found,
        accepted: accepted)
    }
  }
}
