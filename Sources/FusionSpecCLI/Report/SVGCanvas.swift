import Foundation

/// Draws a picture as inline SVG. Colours come from the page's style sheet by class, so that light and dark both work.
struct SVGCanvas {
  /// Where a text stands relative to its point.
  enum Anchor: String {
    case start
    case middle
    case end
  }

  let width: Double
  let height: Double
  private var elements: [String] = []

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ className: String) {
    elements.append(
      "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" y2=\"\(Self.number(y2))\" "
        + "class=\"\(HTMLText.escape(className))\"/>")
  }

  mutating func rectangle(
    _ x: Double, _ y: Double, width: Double, height: Double, _ className: String, title: String? = nil
  ) {
    elements.append(
      "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(0, width)))\" "
        + "height=\"\(Self.number(max(0, height)))\" rx=\"1.5\" class=\"\(HTMLText.escape(className))\"\(Self.close("rect", title))"
    )
  }

  mutating func circle(_ x: Double, _ y: Double, radius: Double, _ className: String, title: String? = nil) {
    elements.append(
      "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\" "
        + "class=\"\(HTMLText.escape(className))\"\(Self.close("circle", title))")
  }

  mutating func path(_ points: [(x: Double, y: Double)], _ className: String) {
    let list = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
    elements.append("<polyline points=\"\(list)\" class=\"\(HTMLText.escape(className))\"/>")
  }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, anchor: Anchor = .start, _ className: String = "label"
  ) {
    elements.append(
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor.rawValue)\" "
        + "class=\"\(HTMLText.escape(className))\">\(HTMLText.escape(text))</text>")
  }

  /// The picture with a description for those who cannot see it.
  func markup(_ description: String) -> String {
    let label = HTMLText.escape(description)
    return """
      <svg viewBox="0 0 \(Self.number(width)) \(Self.number(height))" width="\(Self.number(width))" role="img" \
      aria-label="\(label)">
      \(elements.joined(separator: "\n"))
      </svg>
      """
  }

  private static func close(_ tag: String, _ title: String?) -> String {
    title.map { "><title>\(HTMLText.escape($0))</title></\(tag)>" } ?? "/>"
  }

  private static func number(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let text = String(format: "%.2f", value)
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }
}
