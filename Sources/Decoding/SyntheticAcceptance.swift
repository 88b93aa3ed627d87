/// Acceptance forced to given rates, whatever the model thinks of the drafts: what a step costs at some acceptance, without a
/// model that reaches it. The reply is garbage.
///
/// Rate i is the probability that draft i (the first is 0) is accepted given that those before it were; deeper drafts take the
/// last rate. The decision is a function of seed and position alone, so runs with the same drafts repeat exactly.
public enum SyntheticAcceptance {
  /// Checks the rates of a request.
  public static func validate(_ rates: [Double]) throws(RequestError) {
    guard (1...Speculation.depths.upperBound).contains(rates.count), rates.allSatisfy({ $0 >= 0 && $0 <= 1 })
    else {
      throw .optionOutOfRange(
        option: "synthetic-acceptance", found: rates.map { "\($0)" }.joined(separator: ","),
        accepted: "1 to \(Speculation.depths.upperBound) rates from 0 to 1")
    }
  }

  /// Whether draft `depth`, which stands at an absolute position, is to be accepted.
  static func accepts(_ rates: [Double], depth: Int, seed: UInt64, position: Int) -> Bool {
    // The last word of the counter tells this draw from the sampler's.
    let counter = SIMD4<UInt32>(
      0, UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32), 1)
    let uniform = (Double(Philox(seed: seed).words(counter)[0]) + 0.5) * 0x1p-32
    return uniform < rates[min(depth, rates.count - 1)]
  }
}
