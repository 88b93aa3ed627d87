import Checkpoints
import Decoding
import Foundation
import Models
import Tensors
import Testing

/// Weights kept in a folder between runs.
@Suite struct `Packed weights on disk` {
  /// A copy of a small checkpoint, and a folder for its packed weights.
  final class Place {
    let root = FileManager.default.temporaryDirectory.appending(path: "packed-\(UUID().uuidString)")
    var checkpoint: URL { root.appending(path: "model") }
    var store: URL { root.appending(path: "store") }

    init(_ fixture: OracleFixture) throws {
      try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: fixture.directory, to: checkpoint)
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    func model(
      _ format: WeightFormat, keeping: Bool = true, mapping: Bool = false, compact: Bool = false
    ) throws -> DecoderModel {
      try ArchitectureRegistry.load(
        Checkpoint(directory: checkpoint),
        options: LoadOptions(
          format: format, contextLength: 96, threadCount: 2, packedWeightsFolder: keeping ? store.path : nil,
          mapsPackedWeights: mapping, compactFormats: compact ? [.f32, .bf16] : [])
      ).model
    }

    func files() throws -> [URL] {
      try FileManager.default.contentsOfDirectory(at: store, includingPropertiesForKeys: nil)
    }

    func file() throws -> URL {
      let files = try files()
      #expect(files.count == 1)
      return try #require(files.first)
    }
  }

  static let fixtures = ["deepseek-v3/plain-f32", "deepseek-v3/fp8-blocks"].compactMap { name in
    OracleFixture.all.first { $0.testDescription == name }
  }
  let fixture: OracleFixture

  init() throws { fixture = try #require(Self.fixtures.first) }

  func tokens(_ model: DecoderModel) throws -> [Int32] {
    let engine = DecodingEngine(model: model, configuration: EngineConfiguration(context: 96, threadCount: 2))
    let depth = model.mtpHeadCount > 0 ? 2 : 1
    _ = try engine.submit(
      GenerationRequest(
        promptTokens: [1, 5, 9, 3, 7], maximumTokens: 30,
        speculation: model.mtpHeadCount > 0 ? .mtp(depth: depth) : .lookup(depth: depth)))
    return engine.run()[0].tokens
  }

  @Test(arguments: fixtures, WeightFormat.allCases)
  func `a model from the folder is the packed one`(fixture: OracleFixture, format: WeightFormat) throws {
    let place = try Place(fixture)
    let expected = try tokens(place.model(format, keeping: false))
    #expect(try tokens(place.model(format)) == expected, "while it is written")
    let written = try Data(contentsOf: place.file())
    let changed = try place.file().resourceValues(forKeys: [.contentModificationDateKey])
    #expect(try tokens(place.model(format)) == expected, "from the file")
    #expect(try tokens(place.model(format, mapping: true)) == expected, "mapped")
    #expect(try Data(contentsOf: place.file()) == written)
    let again = try place.file().resourceValues(forKeys: [.contentModificationDateKey])
    #expect(again.contentModificationDate == changed.contentModificationDate, "written once")
  }

  @Test(arguments: fixtures)
  func `compact weights have a file of their own`(fixture: OracleFixture) throws {
    let place = try Place(fixture)
    let expected = try tokens(place.model(.bf16))
    let made = try place.model(.bf16, compact: true)
    #expect(made.hasCompactWeights)
    #expect(try tokens(made) == expected)
    #expect(try place.files().count == 2)
    for mapping in [false, true] {
      let kept = try place.model(.bf16, mapping: mapping, compact: true)
      #expect(kept.hasCompactWeights)
      #expect(try tokens(kept) == expected)
      #expect(try !place.model(.bf16, mapping: mapping).hasCompactWeights)
    }
    #expect(try !place.model(.int8, compact: true).hasCompactWeights, "int8 has no compact form")
  }

  @Test func `only formats with a compact form can be compact in a file`() throws {
    let place = try Place(fixture)
    let expected = try tokens(place.model(.int8))
    let file = try place.file()
    let mapped = try MappedFile(path: file.path)
    for (format, isFine) in [(WeightFormat.int8, false), (.int4, false), (.f32, true), (.bf16, true)] {
      let matrix = PackedMatrix(
        outputs: 1, inputs: 1, format: format, isGatedPair: false, isCompact: true, mapped: mapped,
        offset: 4096)
      #expect((matrix != nil) == isFine, "\(format)")
    }
    #expect(try tokens(place.model(.int8)) == expected)
  }

  @Test func `a changed checkpoint is packed anew`() throws {
    let place = try Place(fixture)
    let before = try tokens(place.model(.bf16))
    let weights = place.checkpoint.appending(path: "model.safetensors")
    var bytes = try Data(contentsOf: weights)
    for index in bytes.count / 2..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 7) & 0x3F }
    try bytes.write(to: weights)
    let after = try tokens(place.model(.bf16))
    #expect(after == (try tokens(place.model(.bf16, keeping: false))))
    #expect(after != before)
    #expect(try place.files().count == 2)
  }

  @Test func `a file that is cut short, garbled or of another version is replaced`() throws {
    let place = try Place(fixture)
    let expected = try tokens(place.model(.int8))
    let file = try place.file()
    let sound = try Data(contentsOf: file)
    var broken: [Data] = [Data(), sound.prefix(100), sound.prefix(4096), sound.prefix(sound.count / 2)]
    broken.append(sound.dropLast())
    for place in [0, 8, 16, 24, 32, 40, 48, 56, sound.count - 1, sound.count - 30] {
      var data = sound
      data[place] ^= 0x55
      broken.append(data)
    }
    var huge = sound
    huge.replaceSubrange(16..<32, with: [UInt8](repeating: 0xFF, count: 16))
    broken.append(huge)
    for (index, data) in broken.enumerated() {
      try data.write(to: file)
      #expect(try tokens(place.model(.int8)) == expected, "broken file \(index)")
      #expect(try Data(contentsOf: file) == sound, "broken file \(index) was replaced")
    }
  }

  @Test func `many loads at once leave one sound file and nothing else`() async throws {
    let place = try Place(fixture)
    let expected = try tokens(place.model(.int4, keeping: false))
    let (checkpoint, store) = (place.checkpoint, place.store)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<6 {
        group.addTask {
          _ = try ArchitectureRegistry.load(
            Checkpoint(directory: checkpoint),
            options: LoadOptions(format: .int4, contextLength: 96, packedWeightsFolder: store.path))
        }
      }
      try await group.waitForAll()
    }
    _ = try place.file()
    #expect(try tokens(place.model(.int4)) == expected)
  }

  @Test func `what a killed process left behind is taken away, a live one is let be`() throws {
    let place = try Place(fixture)
    _ = try place.model(.f32)
    let file = try place.file()
    try FileManager.default.removeItem(at: file)
    let (dead, live) = (file.path + ".dead.partial", file.path + ".live.partial")
    try Data([1, 2, 3]).write(to: URL(filePath: dead))
    try Data([1, 2, 3]).write(to: URL(filePath: live))
    let descriptor = open(live, O_RDWR)
    #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    _ = try place.model(.f32)
    #expect(!FileManager.default.fileExists(atPath: dead))
    #expect(FileManager.default.fileExists(atPath: live))
    #expect(FileManager.default.fileExists(atPath: file.path))
    close(descriptor)
  }

  @Test func `a folder that cannot be written is an error that names it`() throws {
    let place = try Place(fixture)
    try Data([0]).write(to: place.store)  // a file where the folder should be
    let error = #expect(throws: LoadError.self) { _ = try place.model(.bf16) }
    #expect(error?.description.contains(place.store.path) == true)
  }
}
