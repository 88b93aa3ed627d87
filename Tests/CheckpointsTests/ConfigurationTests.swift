import Checkpoints
import Foundation
import Testing

@Suite struct ConfigurationTests {
  private func configuration(_ text: String) throws -> ConfigurationObject {
    try ConfigurationObject(json: Data(text.utf8), file: "config.json")
  }

  // MARK: - Values

  @Test func `values are read by type`() throws {
    let object = try configuration(
      """
      {"layers": 61, "big": 9007199254740993, "least": -9223372036854775808, "whole": 4.0, "theta": 1e4,
       "epsilon": 1e-06, "bias": false, "type": "deepseek_v3", "none": null, "eos": 2, "stops": [1, 2],
       "limit": [0.0, Infinity], "names": ["a", "\\u00e9"],
       "rope_scaling": {"factor": 40, "inner": {"type": "yarn"}}, "dotted.key": 1}
      """)
    #expect(try object.integer("layers", in: 1...100) == 61)
    #expect(try object.integer("big") == 9_007_199_254_740_993)
    #expect(try object.integer("least") == Int.min)
    #expect(try object.integer("whole") == 4)
    #expect(try object.float("theta") == 10000)
    #expect(try object.double("epsilon", in: .positive) == 1e-6)
    #expect(try object.float("layers") == 61)
    #expect(try object.bool("bias") == false)
    #expect(try object.string("type", oneOf: ["deepseek_v3"]) == "deepseek_v3")
    #expect(try object.integers("stops") == [1, 2])
    #expect(try object.integers("eos", acceptsSingle: true) == [2])
    #expect(try object.doubles("stops", count: 2) == [1, 2])
    #expect(try object.strings("names") == ["a", "é"])
    #expect(try object.object("rope_scaling").integer("factor") == 40)
    #expect(try object.object("rope_scaling").object("inner").string("type") == "yarn")
    #expect(try object.integer("rope_scaling.factor") == 40)
    #expect(try object.string("rope_scaling.inner.type") == "yarn")
    #expect(try object.integer("dotted.key") == 1)
    #expect(object.has("layers") && !object.has("none") && !object.has("absent") && !object.has("layers.x"))
    #expect(try object.object("rope_scaling").keys == ["factor", "inner"])
  }

  @Test(arguments: ["none", "absent", "rope.absent", "absent.absent", ""])
  func `null and absence are nil, or missing where required`(key: String) throws {
    let object = try configuration(#"{"none": null, "rope": {"x": 1}}"#)
    #expect(try object.integerIfPresent(key) == nil)
    #expect(try object.floatIfPresent(key) == nil)
    #expect(try object.doubleIfPresent(key) == nil)
    #expect(try object.boolIfPresent(key) == nil)
    #expect(try object.stringIfPresent(key) == nil)
    #expect(try object.integersIfPresent(key) == nil)
    #expect(try object.doublesIfPresent(key) == nil)
    #expect(try object.stringsIfPresent(key) == nil)
    #expect(try object.objectIfPresent(key) == nil)
    expectLoadError(.missing, "config.json: key \"\(key)\": is missing") { try object.integer(key) }
    expectLoadError(.missing, "is missing", "a number") { try object.float(key) }
    expectLoadError(.missing, "is missing", "true or false") { try object.bool(key) }
    expectLoadError(.missing, "is missing", "a string") { try object.string(key) }
    expectLoadError(.missing, "is missing", "an object") { try object.object(key) }
    expectLoadError(.missing, "is missing", "an array of integers") { try object.integers(key) }
  }

  // MARK: - Wrong values

  @Test(arguments: [
    (value: "1.5", found: "1.5"), ("\"8\"", "the string \"8\""), ("true", "true"), ("[8]", "an array of 1"),
    ("{}", "an object"), ("0", "0"), ("9", "9"), ("-1", "-1"), ("1e300", "1e+300"), ("NaN", "nan"),
    ("-Infinity", "-inf"), ("9223372036854775808", "9.223372036854775807e+18"),
  ])
  func `an unsuitable integer names key, value and range`(value: String, found: String) throws {
    let object = try configuration(#"{"a": {"b": \#(value)}}"#)
    let expected = found.hasPrefix("9.2") ? "found 9.22337203685477" : "found \(found); "
    expectLoadError(
      .unsuitable, "config.json: key \"a.b\"", expected, "accepted: an integer from 1 to 8"
    ) {
      try object.object("a").integer("b", in: 1...8)
    }
    expectLoadError(.unsuitable, "key \"a.b\"") { try object.integerIfPresent("a.b", in: 1...8) }
  }

  @Test func `ranges are told in words`() throws {
    let object = try configuration(#"{"n": "x"}"#)
    expectLoadError(.unsuitable, "accepted: an integer of at least 1") {
      try object.integer("n", in: 1...Int.max)
    }
    expectLoadError(.unsuitable, "accepted: an integer of at most 9") {
      try object.integer("n", in: Int.min...9)
    }
    expectLoadError(.unsuitable, "accepted: a number above 0") { try object.double("n", in: .positive) }
    expectLoadError(.unsuitable, "accepted: a number from 0.0 to 1.0") { try object.float("n", in: 0...1) }
  }

  @Test(arguments: ["\"1\"", "true", "NaN", "Infinity", "-Infinity", "1e39", "-1e39", "[1]"])
  func `a float is finite in single precision`(value: String) throws {
    let object = try configuration(#"{"x": \#(value)}"#)
    expectLoadError(.unsuitable, "key \"x\"", "a number") { try object.float("x") }
  }

  @Test func `other wrong types are refused`() throws {
    let object = try configuration(#"{"n": 1, "s": "x", "a": [1, "2"], "f": [1.5]}"#)
    expectLoadError(.unsuitable, "true or false") { try object.bool("n") }
    expectLoadError(.unsuitable, "found 1", "a string") { try object.string("n") }
    expectLoadError(.unsuitable, "found the string \"x\"", #""yarn", "linear""#) {
      try object.string("s", oneOf: ["yarn", "linear"])
    }
    expectLoadError(.unsuitable, "an array of integers") { try object.integers("a") }
    expectLoadError(.unsuitable, "an array of integers") { try object.integers("f") }
    expectLoadError(.unsuitable, "an array of integers") { try object.integers("n") }
    expectLoadError(.unsuitable, "an array of 2 numbers") { try object.doubles("f", count: 2) }
    expectLoadError(.unsuitable, "an array of strings") { try object.strings("a") }
    expectLoadError(.unsuitable, "an object") { try object.object("a") }
    expectLoadError(.unsuitable, "found the string \"x\"; accepted: a divisor") {
      throw object.unsuitable("s", accepted: "a divisor")
    }
    expectLoadError(.unsupported, "key \"s\"") { throw object.unsupported("s", accepted: "y") }
  }

  // MARK: - Spellings

  @Test func `the first spelling present is read`() throws {
    let object = try configuration(
      #"{"new": 2, "old": 2.0, "gone": null, "rope_parameters": {"rope_theta": 5}}"#)
    #expect(try object.integer(anyOf: ["gone", "new", "old"]) == 2)
    #expect(try object.integerIfPresent(anyOf: ["gone", "absent"]) == nil)
    #expect(try object.float(anyOf: ["rope_parameters.rope_theta", "rope_theta"]) == 5)
    expectLoadError(.missing, "key \"gone\" or key \"absent\": is missing") {
      try object.integer(anyOf: ["gone", "absent"])
    }
  }

  @Test func `spellings that disagree are refused`() throws {
    let object = try configuration(#"{"new": 2, "old": 3, "text": "x", "nested": {"new": true}}"#)
    expectLoadError(.unsuitable, "key \"new\" and key \"old\"", "disagree", "new = 2, old = 3") {
      try object.integer(anyOf: ["new", "old"])
    }
    expectLoadError(.unsuitable, "disagree") { try object.doubleIfPresent(anyOf: ["absent", "new", "old"]) }
    expectLoadError(.unsuitable, "key \"text\"", "an integer") { try object.integer(anyOf: ["new", "text"]) }
    #expect(try object.boolIfPresent(anyOf: ["absent", "nested.new"]) == true)
    #expect(try object.stringIfPresent(anyOf: ["absent", "text"]) == "x")
    #expect(try object.bool(anyOf: ["absent", "nested.new"]))
    #expect(try object.string(anyOf: ["absent", "text"]) == "x")
  }

  // MARK: - Broken JSON

  @Test(arguments: [
    "", " ", "[]", "1", "null", "{", "}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":1e400}",
    "{\"a\":-1e400}", "{\"a\":tru}", "{\"a\":True}", "{\"a\":'x'}", "{a:1}", "{\"a\":[1,]}", "{\"a\":[1 2]}",
    "{\"a\":\"\\x\"}", "{\"a\":\"\u{1}\"}", "{\"a\":\"x}", "{\"a\":\"\\", "{\"a\":\"\\u12",
    "{\"a\":\"\\udc00\"}",
    "{}{}", "{} x", "{\"a\":1,\"a\":1}", "{\"a\":{\"b\":1,\"b\":2}}", "// x\n{}", "\u{FEFF}{}", "{\"a\":nul",
    "{\"a\":\(String(repeating: "9", count: 2000))}",
  ])
  func `broken JSON is refused`(text: String) throws {
    expectLoadError(.malformed, "config.json") { try configuration(text) }
  }

  @Test(arguments: ["[", "{\"a\":", "[[],"])
  func `deep nesting is refused before the stack ends`(unit: String) throws {
    for count in [65, 100_000] {
      expectLoadError(.malformed, "nested deeper than 64") {
        try configuration("{\"x\":" + String(repeating: unit, count: count))
      }
    }
  }

  @Test func `a document cut at any byte is refused`() throws {
    let text = #"{"a": [1, -2.5e3, true, null], "b": {"c": "d\u00e9\n"}}"#
    _ = try configuration(text)
    for count in 0..<text.utf8.count {
      expectLoadError(.malformed) {
        try configuration(String(decoding: text.utf8.prefix(count), as: UTF8.self))
      }
    }
  }

  @Test func `an oversized file is refused`() throws {
    let folder = try CheckpointFolder()
    let url = folder.url.appendingPathComponent("config.json")
    let handle = try FileHandle(forWritingTo: url)
    try handle.truncate(atOffset: 1 << 40)  // sparse
    try handle.close()
    expectLoadError(.malformed, "too large") { try ConfigurationObject(file: url) }
  }
}
