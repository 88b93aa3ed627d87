import Foundation
import FusionSpec

/// Text made safe for HTML and SVG.
enum HTMLText {
  /// Escapes what markup gives a meaning to; control characters, which no document may contain, become U+FFFD.
  static func escape(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value): result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A table; the cells are markup already.
  static func table(_ header: [String], _ rows: [[Cell]], className: String = "") -> String {
    let head = header.map { "<th scope=\"col\">\(escape($0))</th>" }.joined()
    let body = rows.map { row in
      let cells = row.enumerated().map { place, cell in
        let style = cell.style.isEmpty ? "" : " style=\"\(escape(cell.style))\""
        return place == 0
          ? "<th scope=\"row\">\(escape(cell.text))</th>" : "<td\(style)>\(escape(cell.text))</td>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
    return """
      <div class="scroll"><table class="\(escape(className))"><thead><tr>\(head)</tr></thead>
      <tbody>\(body.joined(separator: "\n"))</tbody></table></div>
      """
  }

  /// A cell of a table.
  struct Cell {
    let text: String
    var style = ""

    init(_ text: String, style: String = "") {
      self.text = text
      self.style = style
    }

    /// A share of one, tinted by its size.
    static func share(_ value: Double?) -> Cell {
      guard let value else { return Cell("–") }
      return Cell(AcceptanceTable.percent(value), style: tint("--good", value * 0.6))
    }

    /// A speed relative to plain, tinted by how far it is from 1.
    static func ratio(_ value: Double?) -> Cell {
      guard let value, value > 0 else { return Cell("–") }
      let color = value >= 1 ? "--good" : "--bad"
      return Cell(String(format: "%.2f×", value), style: tint(color, min(0.6, abs(log2(value)) * 0.5)))
    }

    private static func tint(_ color: String, _ strength: Double) -> String {
      let percent = Int((100 * max(0, min(1, strength))).rounded())
      return "background:color-mix(in srgb,var(\(color)) \(percent)%,transparent)"
    }
  }
}
