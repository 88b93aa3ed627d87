import Decoding

/// The style sheet of report pages.
enum PageStyle {
  static let sheet = """
    :root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1d2126;--soft:#5c6670;--rule:#dcdfe2;--good:#178a5a;\
    --bad:#cf3f35;--warn:#b97a00;--off:#8b939b;--lookup:#d97b16;--auto:#178a5a;--mtp:214 70%}
    @media (prefers-color-scheme:dark){:root{--page:#14171a;--card:#1c2024;--ink:#e7eaed;--soft:#9aa4ae;--rule:#343a40;\
    --good:#35b981;--bad:#ee6a5f;--warn:#e0a63a;--off:#8b939b;--lookup:#f0a04b;--auto:#35b981;--mtp:212 85%}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,\
    "DejaVu Sans",sans-serif}
    main{max-width:1040px;margin:0 auto;padding:28px 20px 60px}
    h1{font-size:26px;margin:0 0 2px}h2{font-size:19px;margin:40px 0 4px}h3{font-size:15px;margin:20px 0 6px}
    h4{font-size:14px;font-weight:600;color:var(--soft);margin:16px 0 4px}
    p{margin:4px 0 12px;max-width:76ch}.soft{color:var(--soft)}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0}
    .tile,.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px}
    .card{margin:10px 0;overflow-x:auto}
    .tile b{display:block;font-size:25px;line-height:1.25}.tile span{color:var(--soft);font-size:13px}
    .verdict{border-left:5px solid var(--good);padding:8px 12px;background:var(--card);border-radius:4px;margin:14px 0}
    .verdict.bad{border-color:var(--bad)}.verdict.warn{border-color:var(--warn)}
    .scroll{overflow-x:auto;margin:8px 0}.pair{display:flex;flex-wrap:wrap;gap:8px 36px}.card h3{margin-top:2px}
    table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}
    th,td{padding:4px 10px;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
    th{font-weight:600}thead th{color:var(--soft);font-size:13px}th:first-child{text-align:left}
    svg{display:block;max-width:100%;height:auto}
    svg text{font-size:12px;fill:var(--soft)}svg .title{font-size:13px;font-weight:600;fill:var(--ink)}
    svg .strong{fill:var(--ink)}.grid{stroke:var(--rule);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
    .one{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:5 4}
    .line{fill:none;stroke:var(--ink);stroke-width:2}.dash{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-dasharray:4 4}
    .dot{fill:var(--ink)}.open{fill:var(--card);stroke:var(--soft);stroke-width:2}
    .mark{stroke:var(--ink);stroke-width:2}.cloud{fill-opacity:.6}
    .legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;color:var(--soft);margin:2px 0 6px}
    .legend i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}
    .reply{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.75 ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace}
    .phase{font-size:12px;color:var(--soft);margin-top:8px}
    .a{background:color-mix(in srgb,var(--good) 30%,transparent);border-radius:3px}
    .c{background:color-mix(in srgb,var(--bad) 34%,transparent);border-radius:3px}
    \(colors)
    """

  /// One colour for each setting, the same in every plot: deeper fixed depths are darker.
  private static var colors: String {
    let depths = Speculation.depths.map { depth in
      rule("mtp\(depth)", "hsl(var(--mtp) \(82 - 7 * depth)%)")
    }
    return
      (depths + [rule("lookup", "var(--lookup)"), rule("auto", "var(--auto)"), rule("off", "var(--off)")])
      .joined(separator: "\n")
  }

  private static func rule(_ name: String, _ color: String) -> String {
    ".\(name){fill:\(color);background:\(color)}.stroke-\(name){fill:none;stroke:\(color);stroke-width:2}"
  }

  /// The class that colours a setting.
  static func className(_ speculation: Speculation) -> String {
    switch speculation {
    case .off: "off"
    case .mtp(let depth): "mtp\(depth)"
    case .lookup: "lookup"
    case .automatic: "auto"
    }
  }
}
