/// What options accept whose values are read by their type alone, for messages about others.
enum AcceptedValues {
  private static let table: [String: String] = [
    "--seed": "0 to \(UInt64.max)",
    "--threads": "1 to 256",
    "--context": "2 to \(1 << 24)",
    "--max-tokens": "a whole number from 1",
    "--min-tokens": "a whole number from 0",
    "--batch": "1 to 256",
    "--depth": "1 to 8",
    "--temperature": "0 to 100",
    "--top-p": "above 0, at most 1",
    "--top-k": "0 (off) or more",
    "--min-p": "0 to 1",
    "--repetition-penalty": "above 0, at most 100",
    "--logit-bias": "id=number, such as 17=-2.5",
    "--thinking-budget": "a whole number from 0",
    "--answer-reserve": "a whole number from 0",
    "--repetitions": "a whole number from 1",
    "--limit": "a whole number from 1",
    "--generate": "a whole number from 1",
    "--prompt": "different whole numbers, separated by commas",
    "--rows": "different whole numbers from 1 to 256, separated by commas",
    "--depth-of-context": "different whole numbers from 0, separated by commas",
    "--depths": "1 to 8, lookup, auto, off, each once, separated by commas",
    "--thinking-budgets": "different whole numbers from 0, separated by commas",
    "--synthetic-acceptance": "probabilities from 0 to 1, separated by commas",
  ]

  /// A message about an unfit value with what would be accepted, where the parser's own says only that it does not fit.
  static func completed(_ message: String) -> String {
    let pattern = /The value '(?<value>.*)' is invalid for '(?<option>--[a-z-]+)[^']*'\.?/
    guard let match = message.wholeMatch(of: pattern),
      let accepted = table[String(match.output.option)]
    else { return message }
    return "\(match.output.option): found '\(match.output.value)', accepted: \(accepted)"
  }
}
