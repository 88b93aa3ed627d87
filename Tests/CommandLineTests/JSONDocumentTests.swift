import Foundation
import Testing

@testable import FusionSpecCLI

struct JSONDocumentTests {
  @Test
  func `whole numbers are written digit by digit`() {
    let ids: [Int32] = [0, -1, 7, 10, 100, 2_147_483_647, -2_147_483_648]
    #expect(JSONDocument(ids).line() == "[0,-1,7,10,100,2147483647,-2147483648]")
    #expect(JSONDocument([Int32]()).line() == "[]")
  }

  @Test
  func `a line is what a JSON reader expects`() throws {
    let document: JSONDocument = [
      "b": .array([.null, .bool(true), .integer(-3), .number(0.5), .string("a\"\\\n\u{1}ä")]), "a": [:],
    ]
    let line = document.line()
    #expect(line.hasPrefix("{\"a\":{},\"b\":[null,true,-3,0.5,"))
    let read = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    #expect((read?["b"] as? [Any])?.last as? String == "a\"\\\n\u{1}ä")
  }
}
