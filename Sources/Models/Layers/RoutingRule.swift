/// How a router turns scores into experts and weights. One rule for every family; the differences are its values.
struct RoutingRule: Sendable, Equatable {
  enum Scoring: Sendable {
    /// Softmax over all experts (Switch, arXiv 2101.03961; Mixtral, arXiv 2401.04088).
    case softmax
    /// A sigmoid for each expert (DeepSeek-V3, arXiv 2412.19437 §2.1.2).
    case sigmoid
  }

  /// What consecutive experts of equal groups mean for the choice.
  enum Groups: Sendable, Equatable {
    /// Nothing.
    case none
    /// The choice falls in the `kept` groups with the greatest score (DeepSeek-V2, arXiv 2405.04434 §2.2.2).
    case best(kept: Int, of: Int)
    /// The choice falls in the `kept` groups with the greatest sum of two scores (DeepSeek-V3).
    case bestPairs(kept: Int, of: Int)
    /// Each group gives its best expert (mixture of grouped experts, Pangu Pro, arXiv 2505.21411).
    case oneEach(of: Int)
  }

  var scoring: Scoring
  var groups = Groups.none
  var expertsPerToken: Int
  /// Whether the chosen weights are divided by their sum.
  var normalizesWeights: Bool
  /// Factor on every weight.
  var scalingFactor: Float = 1

  /// The rule in a few words, for a model's description.
  func summary(experts: Int, hasCorrectionBias: Bool) -> String {
    let scores = scoring == .softmax ? "softmax" : "sigmoid"
    let bias = hasCorrectionBias ? " with correction bias" : ""
    let choice = "top \(expertsPerToken) of \(experts)"
    return switch groups {
    case .none: "\(scores)\(bias), \(choice)"
    case .best(let kept, let count), .bestPairs(let kept, let count):
      "\(scores)\(bias), \(choice)" + (kept < count ? ", \(kept) of \(count) groups" : "")
    case .oneEach(let count): "\(scores)\(bias), the best of each of \(count) groups of \(experts / count)"
    }
  }
}
