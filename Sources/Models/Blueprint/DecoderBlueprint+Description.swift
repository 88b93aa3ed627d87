extension DecoderBlueprint {
  /// The model in words and totals.
  var description: ModelDescription {
    let mixture = mixtures.first
    return ModelDescription(
      modelType: modelType, hiddenSize: hidden, layerCount: layers.count, vocabularySize: vocabulary,
      contextLength: context, mtpHeadCount: mtpHeads.count,
      mtpAbsence: mtpHeads.isEmpty ? mtpAbsence : nil, attention: attentionSummary,
      router: mixture?.summary, routedExpertCount: mixture?.expertCount ?? 0,
      expertsPerToken: mixture?.rule.expertsPerToken ?? 0,
      cacheLayouts: allLayers.map(\.attention.cacheLayout),
      endOfSequenceTokens: endOfSequence)
  }

  /// The mixtures of the main model and the MTP heads.
  var mixtures: [MixtureBlueprint] {
    allLayers.compactMap { if case .mixture(let mixture) = $0.feedForward { mixture } else { nil } }
  }

  private var attentionSummary: String {
    switch layers.first?.attention {
    case .latent(let attention): return "latent, \(attention.shape.heads) heads, rank \(attention.shape.rank)"
    case .grouped(let attention):
      let shape = attention.shape
      let windows = layers.compactMap { layer in
        if case .grouped(let attention) = layer.attention { attention.window } else { nil }
      }
      let window =
        windows.first.map {
          ", window \($0)"
            + (windows.count < layers.count ? " in \(windows.count) of \(layers.count) layers" : "")
        } ?? ""
      return "grouped, \(shape.heads) heads, \(shape.keyValueHeads) key-value heads\(window)"
    case nil: return "none"
    }
  }

  /// The widths of the working buffers that all layers together need.
  var widths: WorkspaceWidths {
    var widths = WorkspaceWidths(hidden: hidden, vocabulary: vocabulary)
    for layer in allLayers {
      switch layer.attention {
      case .latent(let attention): attention.shape.add(to: &widths)
      case .grouped(let attention): attention.shape.add(to: &widths)
      }
      if layer.hasSandwichNorm { widths.branch = hidden }
      switch layer.feedForward {
      case .dense(let width): widths.feedForward = max(widths.feedForward, width)
      case .mixture(let mixture): widths = widths.union(mixture.widths)
      }
    }
    return widths
  }
}

extension MixtureBlueprint {
  fileprivate var summary: String {
    let shared = shared.map { ", \($0.count) shared" + ($0.isGated ? " behind a gate" : "") } ?? ""
    return rule.summary(experts: expertCount, hasCorrectionBias: hasCorrectionBias) + shared
  }

  fileprivate var widths: WorkspaceWidths {
    WorkspaceWidths(
      feedForward: shared?.width ?? 0, expert: expertWidth, expertCount: expertCount,
      expertsPerToken: rule.expertsPerToken, routerOutputs: expertCount + (shared?.isGated == true ? 1 : 0))
  }
}
