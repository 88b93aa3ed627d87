import Checkpoints
import Foundation
import Models
import Tensors
import Testing

/// A published configuration with the parameter counts that its authors state, in billions.
struct PublishedModel: Sendable, CustomTestStringConvertible {
  /// What authors count.
  enum Convention: Sendable {
    /// Everything in the main model.
    case all
    /// Everything but the input embedding, of which a token reads one row.
    case withoutEmbedding
    /// The layers alone.
    case layersAlone
    /// Everything and the multi-token-prediction heads.
    case withMTP
  }

  /// How near the count comes to the printed figure.
  enum Precision: Sendable {
    /// Within 1 %.
    case onePercent
    /// Further away than 1 %, but the printed digits are what rounding gives: the figure has too few digits to say more.
    case rounded
    /// Further away than 1 %, but the printed digits are what cutting off gives.
    case cutOff
  }

  struct Count: Sendable {
    /// As printed, such as "46.7".
    let published: String
    let convention: Convention
    let precision: Precision

    init(_ published: String, _ convention: Convention = .all, _ precision: Precision = .onePercent) {
      self.published = published
      self.convention = convention
      self.precision = precision
    }
  }

  let name: String
  let total: Count
  /// Nil for a dense model.
  let active: Count?
  let mtpHeads: Int

  var testDescription: String { name }

  init(_ name: String, _ total: Count, active: Count? = nil, mtpHeads: Int = 0) {
    self.name = name
    self.total = total
    self.active = active
    self.mtpHeads = mtpHeads
  }

  func architecture() throws -> any Architecture {
    let file = OracleFixture.root.appending(path: "published/\(name)/config.json")
    return try ArchitectureRegistry.architecture(for: try ConfigurationObject(file: file))
  }

  static let all = [
    PublishedModel("Mixtral-8x7B-v0.1", Count("46.7"), active: Count("12.9")),
    PublishedModel("Mixtral-8x22B-v0.1", Count("141"), active: Count("39")),
    PublishedModel("deepseek-moe-16b-base", Count("16.4"), active: Count("2.8", .all, .rounded)),
    PublishedModel("Qwen1.5-MoE-A2.7B", Count("14.3"), active: Count("2.7")),
    PublishedModel("Qwen2-57B-A14B", Count("57"), active: Count("14", .all, .rounded)),
    PublishedModel("Qwen3-30B-A3B", Count("30.5"), active: Count("3.3", .all, .cutOff)),
    PublishedModel("Qwen3-235B-A22B", Count("235"), active: Count("22")),
    // DeepSeek does not count the input embedding as active. V2-Lite: 2.451 billion without the embedding, 2.661 with it,
    // 2.242 in the layers alone; 2.4 is the first cut off. V3: 36.63 without, 37.55 with; 36.7 is the weights' README, whose
    // figure the title rounds to 37, further than 1 % from either count.
    PublishedModel("DeepSeek-V2", Count("236"), active: Count("21", .withoutEmbedding)),
    PublishedModel("DeepSeek-V2-Lite", Count("15.7"), active: Count("2.4", .withoutEmbedding, .cutOff)),
    PublishedModel("DeepSeek-V3", Count("671"), active: Count("36.7", .withoutEmbedding), mtpHeads: 1),
    PublishedModel("Pangu-Pro-MoE-72B", Count("71.99"), active: Count("16.50")),
    PublishedModel(
      "openPangu-Ultra-MoE-718B", Count("718"), active: Count("39", .withoutEmbedding), mtpHeads: 1),
    // "7B" and "1B" leave out embedding and head: 6.77 and 0.92. The 1B's FFN width (6144), rotary base (4e6) and tied
    // embedding are not in its README; they are what its converters and training scripts use, and 0.92 billion in 26
    // layers is the whole "1B" of the README with them.
    PublishedModel("openPangu-Embedded-7B", Count("7", .layersAlone, .rounded)),
    PublishedModel("openPangu-Embedded-1B", Count("1", .layersAlone, .rounded)),
    // GLM counts neither embedding nor head as active (arXiv 2508.06471, table 1).
    PublishedModel("GLM-4.5", Count("355"), active: Count("32", .layersAlone), mtpHeads: 1),
    PublishedModel("GLM-4.5-Air", Count("106"), active: Count("12", .layersAlone, .rounded), mtpHeads: 1),
    // The size of the published files, head included.
    PublishedModel("MiMo-7B-Base", Count("7.83", .withMTP), mtpHeads: 1),
    PublishedModel("Llama-3.1-8B", Count("8.03")),
    PublishedModel("Llama-3.2-1B", Count("1.24")),
    PublishedModel("Qwen2.5-7B", Count("7.61")),
    PublishedModel("Qwen3-8B", Count("8.2")),
  ]
}

/// What the families make of the configurations as published, without weights.
struct PublishedModelTests {
  @Test(arguments: PublishedModel.all)
  func `parameter counts are the published ones`(_ model: PublishedModel) throws {
    let architecture = try model.architecture()
    let description = architecture.description
    let summary = ParameterSummary(architecture.parameters, description: description)
    #expect(agrees(summary.total, model.total, summary), "\(summary.total)")
    if let active = model.active { #expect(agrees(summary.active, active, summary), "\(summary.active)") }
    #expect((model.active == nil) == (description.router == nil))
    #expect(description.mtpHeadCount == model.mtpHeads)
    #expect((summary.mtp > 0) == (model.mtpHeads > 0))
    #expect(summary.byteCount(.f32) == 4 * (summary.total + summary.mtp))
  }

  @Test func `every configuration written down is tested`() throws {
    let folder = OracleFixture.root.appending(path: "published").path
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        == PublishedModel.all.map(\.name).sorted())
  }

  @Test func `the format is the widest that leaves a fifth of the memory free`() throws {
    let architecture = try PublishedModel("DeepSeek-V2-Lite", .init("15.7")).architecture()
    let summary = ParameterSummary(architecture.parameters, description: architecture.description)
    let formats: [WeightFormat] = [.f32, .bf16, .int8]
    let bytes = formats.map { summary.byteCount($0) }
    #expect(bytes[0] > bytes[1] && bytes[1] > bytes[2])
    #expect(abs(Double(bytes[2]) / Double(summary.total) - 1) < 0.01, "hardly more than a byte each")
    for (format, bytes) in zip(formats, bytes) {
      #expect(summary.widestFormat(of: formats, memory: bytes / 4 * 5 + 5) == format)
    }
    #expect(summary.widestFormat(of: formats, memory: bytes[1]) == .int8)
    #expect(abs(Double(summary.byteCount(.bf16, isCompact: true)) / Double(bytes[1]) - 0.754) < 0.001)
    #expect(summary.widestFormat(of: formats, memory: 1) == .int8, "the narrowest where none fits")
  }

  @Test func `the unique parameters of DeepSeek-V3's head are 11.5 billion`() throws {
    let architecture = try PublishedModel("DeepSeek-V3", .init("671")).architecture()
    let summary = ParameterSummary(architecture.parameters, description: architecture.description)
    #expect(abs(Double(summary.mtp) / 11.5e9 - 1) < 0.01)
  }

  /// Whether the count comes as near to the printed figure as is said, and no nearer.
  private func agrees(_ count: Int, _ published: PublishedModel.Count, _ summary: ParameterSummary) -> Bool {
    let counted =
      switch published.convention {
      case .all: count
      case .withoutEmbedding: count - summary.embedding
      case .layersAlone: count - summary.embedding - summary.outputHead
      case .withMTP: count + summary.mtp
      }
    guard let expected = Double(published.published) else { return false }
    let found = Double(counted) / 1e9
    let digits = published.published.split(separator: ".").dropFirst().first?.count ?? 0
    let unit = pow(10, -Double(digits))
    let isNear = abs(found / expected - 1) <= 0.01
    switch published.precision {
    case .onePercent: return isNear
    case .rounded: return !isNear && (found / unit).rounded() == (expected / unit).rounded()
    case .cutOff: return !isNear && (found / unit).rounded(.down) == (expected / unit).rounded()
    }
  }
}
