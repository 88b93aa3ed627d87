import Foundation
import Testing

/// `fusionspec score` that compares a model with itself.
struct ScoreTests {
  private static let text = ["score", "--text", "What is 12 + 7?", "--json", "--weights", "f32"]

  private func comparison(_ arguments: [String]) throws -> [String: Any] {
    let outcome = try Command.run(Self.text + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try outcome.json()
  }

  @Test
  func `a model beside itself predicts the same`() throws {
    for same in [["--against", "f32"], ["--against-kv-cache", "auto"], ["--against-kv-cache", "f32"]] {
      let document = try comparison(same)
      #expect(document["mean_kl_divergence"] as? Double == 0, "\(same)")
      #expect(document["top_token_agreement"] as? Double == 1)
      #expect((document["positions"] as? Int ?? 0) > 5)
    }
  }

  @Test
  func `narrower keys and values differ, and not much`() throws {
    for format in ["bf16", "int8"] {
      let document = try comparison(["--kv-cache", format, "--against-kv-cache", "f32"])
      #expect(document["kv_cache"] as? String == format)
      #expect(document["against_kv_cache"] as? String == "f32")
      let divergence = try #require(document["mean_kl_divergence"] as? Double)
      #expect(divergence > 0 && divergence < 0.01, "\(format)")
    }
  }

  @Test
  func `weights and cache can differ at once`() throws {
    let document = try comparison(["--against", "int8", "--against-kv-cache", "int8"])
    #expect(document["against"] as? String == "int8")
    #expect(document["kv_cache"] as? String == "f32", "automatic beside weights in f32")
    #expect(document["against_kv_cache"] as? String == "int8")
    #expect(try #require(document["mean_kl_divergence"] as? Double) > 0)
  }
}
