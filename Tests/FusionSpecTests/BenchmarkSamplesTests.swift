import Testing

@testable import FusionSpec

struct BenchmarkSamplesTests {
  @Test
  func `a share of bandwidth does not depend on the pace of memory`() {
    let timings = [(4.0, 10e9), (2, 20e9), (8, 5e9)].map {
      BenchmarkSamples.Timing(milliseconds: $0.0, readBytesPerSecond: $0.1)
    }
    #expect(BenchmarkSamples.shareOfBandwidth(bytes: 20e6, timings) == 0.5)
  }

  @Test
  func `medians are the middle of odd and the mean of the middle two of even counts`() {
    #expect(BenchmarkSamples.median([3, 1, 2]) == 2)
    #expect(BenchmarkSamples.median([4, 1, 2, 3]) == 2.5)
    #expect(BenchmarkSamples.median([]) == 0)
  }
}
