import Decoding

// All settings over all prompts: one prompt after another, or the whole set at once.
extension AcceptanceRunner {
  /// All replies of one setting in one thinking mode.
  struct ReplySet {
    var replies: [ReplyMeasurement] = []
    var milliseconds: Double?
  }

  func runAlone(progress: (Int, Int) -> Void, isCancelled: () -> Bool) throws -> [[ReplySet]] {
    let total = prompts.count * options.repetitions
    var samples = requests.map { _ in
      speculations.map { _ in [[ReplyMeasurement]](repeating: [], count: prompts.count) }
    }
    run: for repetition in 0..<options.repetitions {
      for prompt in prompts.indices {
        if isCancelled() { break run }
        progress(repetition * prompts.count + prompt, total)
        for mode in requests.indices {
          for turn in speculations.indices {
            let place = (turn + prompt + repetition) % speculations.count
            var request = requests[mode][prompt]
            request.speculation = speculations[place]
            request.syntheticAcceptance = options.syntheticAcceptance
            samples[mode][place][prompt] += try collect([request], engine: engine(request.speculation))
          }
        }
      }
    }
    progress(total, total)
    return samples.map { mode in
      mode.map { setting in ReplySet(replies: setting.compactMap { ReplyMeasurement(merging: $0) }) }
    }
  }

  func runTogether(progress: (Int, Int) -> Void, isCancelled: () -> Bool) throws -> [[ReplySet]] {
    let total = prompts.count * options.repetitions * requests.count * speculations.count
    var done = 0
    var samples = requests.map { _ in speculations.map { _ in [[ReplyMeasurement]]() } }
    var times = requests.map { _ in speculations.map { _ in [Double]() } }
    run: for repetition in 0..<options.repetitions {
      for mode in requests.indices {
        for turn in speculations.indices {
          if isCancelled() { break run }
          let place = (turn + repetition) % speculations.count
          let batch = requests[mode].map { request in
            var request = request
            request.speculation = speculations[place]
            request.syntheticAcceptance = options.syntheticAcceptance
            return request
          }
          let start = ContinuousClock.now
          let replies = try collect(batch, engine: engine(speculations[place]))
          times[mode][place].append((ContinuousClock.now - start).milliseconds)
          samples[mode][place].append(replies)
          done += prompts.count
          progress(done, total)
        }
      }
    }
    return zip(samples, times).map { samples, times in
      zip(samples, times).map { runs, times in
        let replies = (runs.first ?? []).indices.compactMap { prompt in
          ReplyMeasurement(merging: runs.map { $0[prompt] })
        }
        return ReplySet(replies: replies, milliseconds: times.isEmpty ? nil : median(times))
      }
    }
  }
}
