import ArgumentParser
import Checkpoints
import Foundation
import FusionSpec
import Models
import Tensors

/// `fusionspec bench`.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure prefill, decoding and verification beside the limits of this machine.",
    discussion: """
      First the machine: bandwidth of reads from memory, and the peak of multiply-adds, with the threads and the instruction \
      set of the run. Then the model on random tokens: prefill, decoding after some context, and forwards of several rows, as \
      verification of drafts runs them, with the distinct experts that the rows chose. Rounds over all settings are \
      interleaved; medians count. Arithmetic is what has to be done: products with the weights, where rows of a prompt that \
      nobody asks for stop at the last layer, and attention; its share is of the peak of the weights' format.

      With --random-weights a folder with a config.json is enough: what a model would do here, before it is downloaded.
      """)

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @Option(help: "Lengths of prompts, such as 128,512 (default: 512).") var prompt: NumberList?
  @Option(help: "Tokens to decode at each depth.") var generate = 128
  @Option(help: "Rows of verifying forwards (default: 1,2,3,4,5,6,8,16).") var rows: NumberList?
  @Option(
    help: "Positions before the decoded tokens; verification is measured at the first (default: 0,4096).")
  var depthOfContext: NumberList?
  @Option(help: "Timed rounds; medians count.") var repetitions = 5
  @Flag(help: "Make up weights; the folder needs only a config.json.") var randomWeights = false
  @Option(help: "Write the numbers as JSON; - prints them on stdout.", completion: .file()) var json: String?

  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    func check(_ option: String, _ values: [Int], _ range: ClosedRange<Int>) throws {
      guard let wrong = values.first(where: { !range.contains($0) }) else { return }
      throw ValidationError("\(option): found \(wrong), accepted: \(range.lowerBound) to \(range.upperBound)")
    }
    if randomWeights, modelArguments.packedWeights != nil || modelArguments.mapPackedWeights {
      throw ValidationError("--random-weights: made-up weights are not kept; leave out --packed-weights")
    }
    try check("--prompt", prompt?.values ?? [], 1...1_000_000)
    try check("--generate", [generate], 1...100_000)
    try check("--rows", rows?.values ?? [], 1...256)
    try check("--depth-of-context", depthOfContext?.values ?? [], 0...10_000_000)
    try check("--repetitions", [repetitions], 1...99)
  }

  func run() throws {
    let directory = modelArguments.directory
    let context = try BenchmarkModel.context(of: directory, options: modelArguments.options)
    let options = try fit(context)
    let model: BenchmarkModel
    if randomWeights {
      Terminal.error("note: weights are made up (--random-weights); speed is real, text would not be")
      model = try BenchmarkModel(
        randomWeightsFor: directory, options: modelArguments.options, context: options.positions)
    } else {
      model = try BenchmarkModel(contentsOf: directory, options: modelArguments.options)
    }
    Interruption.watch()
    let progress = ProgressLine()
    let report = Benchmark(model: model, options: options).run(
      progress: progress.show, isCancelled: { Interruption.isRequested })
    progress.clear()
    guard let report else { throw ExitCode(130) }
    let table = BenchTable(report: report, model: model).text
    if let json {
      let line = BenchDocument(report: report, model: model, options: options).document.line() + "\n"
      if json == "-" { Terminal.output(line) } else { try TextOutput.write(line, to: json) }
    }
    // Standard output carries one result alone.
    if json == "-" { Terminal.error(table) } else { Terminal.output(table + "\n") }
    if Interruption.isRequested { throw ExitCode(130) }
  }

  /// What to measure within a context. Sizes that were asked for must fit; defaults that do not are reduced or left out.
  private func fit(_ context: Int) throws -> BenchmarkOptions {
    func require(_ option: String, _ list: NumberList?, reserve: Int) throws {
      guard let wrong = list?.values.first(where: { $0 + reserve > context }) else { return }
      throw CommandError.usage(
        "\(option): found \(wrong)" + (reserve > 0 ? " with \(reserve) more positions" : "")
          + ", accepted: at most the context of \(context)")
    }
    try require("--prompt", prompt, reserve: 0)
    if generate > context {
      throw CommandError.usage("--generate: found \(generate), accepted: at most the context of \(context)")
    }
    try require("--depth-of-context", depthOfContext, reserve: generate)
    var depths = depthOfContext?.values ?? [0, 4096]
    let missing = depths.filter { $0 + generate > context }
    for depth in missing { Terminal.error("note: depth \(depth) is left out, the context is \(context)") }
    depths.removeAll(where: missing.contains)
    try require("--rows", rows, reserve: depths[0])
    let counts = (rows?.values ?? [1, 2, 3, 4, 5, 6, 8, 16]).filter { $0 + depths[0] <= context }
    if counts.isEmpty {
      throw CommandError.usage(
        "--depth-of-context: found \(depths[0]), which leaves no row in the context of \(context)")
    }
    return BenchmarkOptions(
      prompts: prompt?.values ?? [min(512, context)], generatedTokens: generate, rows: counts.sorted(),
      depths: depths, repetitions: repetitions)
  }
}

/// Whole numbers as an option's value, such as 1,2,4; none twice.
struct NumberList: ExpressibleByArgument {
  let values: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let values = parts.compactMap { $0 }
    guard values.count == parts.count, Set(values).count == values.count else { return nil }
    self.values = values
  }
}
