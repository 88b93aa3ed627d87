import Testing

@testable import ChatTemplates

/// Hostile templates end with an error: soon, and without exhausting memory or stack.
@Suite struct LimitTests {
  /// Lower than the defaults, for builds without optimisation.
  private static var low: TemplateLimits {
    var limits = TemplateLimits()
    limits.steps = 300_000
    limits.outputBytes = 1 << 20
    return limits
  }

  private func kind(_ source: String, _ limits: TemplateLimits = low) -> TemplateError.Kind? {
    do {
      var template = try ChatTemplate(source: source)
      template.limits = limits
      _ = try template.render(messages: [["role": "user", "content": "hi"]], addGenerationPrompt: true)
      return nil
    } catch {
      return error.kind
    }
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
      "{{ 'x' * 1000000000000 }}",
      "{{ [0] * 1000000000000 }}",
      "{{ 'x' * 9223372036854775807 }}",
      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(s='aa') %}{% for i in range(99) %}{% set ns.s = ns.s | replace('a', 'aaaa') %}{% endfor %}",
      "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s.replace('', 'bb') %}{% endfor %}",
      "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s.join(['a','b','c']) ~ ns.s %}{% endfor %}",
      "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}",
      "{% for a in range(9999) %}{% for b in range(999) %}{{ 'some text that is written very often' }}{% endfor %}{% endfor %}",
      "{% set s = 'x' * 1000000 %}{% for i in range(99999) %}{% set t = s + 'y' %}{% endfor %}",
      "{% set s = 'x' * 1000000 %}{% for i in range(99999) %}{{ s[5] }}{{ s | length }}{{ s | upper | first }}{% endfor %}",
      "{% set ns = namespace(v=[1]) %}{% for i in range(9999) %}{% set ns.v = [ns.v] %}{% endfor %}{{ ns.v }}",
      "{% set ns = namespace(v=[1]) %}{% for i in range(99) %}{% set ns.v = [ns.v, ns.v] %}{% endfor %}{{ ns.v }}",
      "{% set ns = namespace(v=[1]) %}{% for i in range(9999) %}{% set ns.v = [ns.v].index %}{% endfor %}",
      "{% set ns = namespace(v=[1]) %}{% for i in range(9999) %}{% set ns.v = joiner(ns.v) %}{% endfor %}",
      "{% set ns = namespace(v=[1]) %}{% for i in range(9999) %}{% set ns.v = [ns.v] | map('default') %}{% endfor %}",
      "{% macro m(x) %}{{ m([[[[[[[[[[[[x]]]]]]]]]]]]) }}{% endmacro %}{{ m(1) }}",
      "{% set s = 'x' * 1000000 %}{{ s.replace('x', s) }}",
      "{% set s = 'x' * 1000000 %}{{ s | replace('x', s) }}",
      "{% set s = 'x' * 1000000 %}{{ s ~ s ~ s ~ s ~ s ~ s }}",
      "{% set s = 'x' * 1000000 %}{{ ([s] * 60000) | join }}",
      "{% set s = 'x' * 1000000 %}{{ s.join([s] * 60000) }}",
      "{% set s = 'x' * 1000000 %}{{ ('%s' * 60000) % (([s] * 60000) | list) }}",
      "{% set s = 'x' * 1000000 %}{{ 'a'.ljust(1000000, s) }}",
      "{% set s = 'x' * 1000000 %}{{ [1, 2] | tojson(indent=s) }}",
      "{% set v = range(60000) | list %}{% for i in range(99999) %}{{ v.count(i) }}{% endfor %}",
      "{% set v = range(60000) | list %}{% for i in range(99999) %}{% if v == v[:] %}{% endif %}{% endfor %}",
      "{% set n = namespace(v=0) %}{% for i in range(9999) %}{% for j in [0] %}{% if loop.changed(n.v) %}{% endif %}{% set n.v = loop %}{% endfor %}{% endfor %}",
      "{% set n = namespace(v=0) %}{% for i in range(9999) %}{% for j in [0] %}{% set old = n.v %}{% set n.v = loop %}{% if loop.changed(old) %}{% endif %}{% endfor %}{% endfor %}",
      "{% set n = namespace(v=0) %}{% for i in range(9999) %}{% set n.v = cycler(n.v).next %}{% endfor %}",
      "{% for i in [0] %}{% if loop.changed(loop) %}{% endif %}{% endfor %}",
      "{% set d = dict(range(20000) | batch(2)) %}{% for i in range(9999) %}{% if namespace(d, x=i) %}{% endif %}{% endfor %}",
      "{% set s = ',' * 1000000 %}{% if messages | sort(attribute=s) %}{% endif %}",
      "{% set f = 'x' * 1000000 %}{% for i in range(9999) %}{% if strftime_now(f) %}{% endif %}{% endfor %}",
      "{% for i in range(9999) %}{% if [1] | batch(99999, 0) %}{% endif %}{% endfor %}",
      "{% set d = dict(range(20000) | batch(2)) %}{% for i in range(999) %}{% if d.keys() == d.keys() %}{% endif %}{% endfor %}",
      "{% set d = dict(range(20000) | batch(2)) %}{% for i in range(999) %}{% if d.items() %}{% endif %}{% endfor %}",
      "{% for i in 'a' * 1000000 %}{% endfor %}",
      "{% if ('a,' * 500000).split(',') %}{% endif %}",
      "{% if ('a ' * 500000).split() %}{% endif %}",
      "{% if ('a\n' * 500000).splitlines() %}{% endif %}",
      "{% if ('%(a).1s' * 100000) % {'a': range(10000)} %}{% endif %}",
      "{% if ('{0:.1s}' * 100000).format('x' * 100000) %}{% endif %}",
      "{% set t = ('x' * 1000000,) * 50000 %}{% if 'x'.startswith(t) %}{% endif %}",
      "{% set k = 'x' * 1000000 %}{% set d = {k: 1} %}{% for i in range(9999) %}{% if d[k] %}{% endif %}{% endfor %}",
      "{% set k = 'x' * 1000000 %}{% for i in range(9999) %}{% if messages[k] %}{% endif %}{% endfor %}",
      "{% set v = range(50000) %}{% for i in range(9999) %}{% if v | unique %}{% endif %}{% endfor %}",
      "{% set d = dict(range(20000) | batch(2)) %}{% for i in range(9999) %}{% if d | dictsort %}{% endif %}{% endfor %}",
      "{% set a = [0] * 50000 %}{% for i in range(9999) %}{% if [a[0:], a[0:]] %}{% endif %}{% endfor %}",
      "{% set a = range(50000) %}{% for i in range(999) %}{% if a | unique | list and a | min and a | reverse %}{% endif %}{% endfor %}",
      "{{ range(99999999) }}",
      "{{ 'a'.ljust(99999999999) }}",
      "{{ 'a' | center(99999999999) }}",
      "{{ 'a\nb' | indent(99999999999) }}",
      "{{ 2 ** 99999 }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ '%99999999999d' % 1 }}",
      "{{ '{:99999999999}'.format(1) }}",
    ])
  func `A greedy template is stopped`(source: String) {
    #expect(kind(source) != nil)
  }

  @Test(.timeLimit(.minutes(1))) func `Long texts are searched in linear time`() {
    var limits = Self.low
    limits.outputBytes = 1 << 24
    limits.steps = 10_000_000
    let sources = [
      "{{ ('a' * 4000000 + 'b') in ('a' * 8000000) }}",
      "{{ ('a' * 8000000).rfind('b' + 'a' * 4000000) }}",
      "{{ ('a' * 8000000).count('a' * 4000000 + 'b') }}",
    ]
    for source in sources { #expect(kind(source, limits) == nil) }
  }

  @Test func `A chain of callers is no chain of releases`() {
    let source =
      "{% set n = namespace(v=0) %}{% macro m() %}{% set n.v = caller %}{% endmacro %}"
      + "{% for i in range(20000) %}{% set x = n.v %}{% call m() %}{% endcall %}{% endfor %}"
    #expect(kind(source) == nil)
  }

  @Test func `Namespaces may hold themselves`() throws {
    let source =
      "{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.too = ns.me.me %}{{ ns.too.me == ns }}"
    #expect(try ChatTemplate(source: source).render(messages: [], addGenerationPrompt: false) == "True")
    #expect(kind("{% set ns = namespace() %}{% set ns.a = ns %}{% set ns.b = ns %}{{ ns }}") == .limit)
  }

  @Test func `Deep nesting is an error and not a crash`() {
    func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
    for count in [30, 100, 3000] {
      let sources = [
        "{{ \(repeated("(", count))1\(repeated(")", count)) }}",
        "{{ \(repeated("[", count))1\(repeated("]", count)) }}",
        "{{ \(repeated("not ", count))1 }}",
        "{{ \(repeated("-", count))1 }}",
        "{{ 1\(repeated(" + 1", count)) }}",
        "{{ 1\(repeated(" if 1 else 1", count)) }}",
        "{{ messages\(repeated("[0]", count)) }}",
        "{{ 'a'\(repeated(" | upper", count)) }}",
        "{{ 1\(repeated(" and 1", count)) }}",
        "\(repeated("{% if 1 %}", count))x\(repeated("{% endif %}", count))",
        "\(repeated("{% for i in [1] %}", count))x\(repeated("{% endfor %}", count))",
        "{% set \(repeated("(", count))a\(repeated(")", count)) = 1 %}",
        "{% if 0 %}\(repeated("{% elif 0 %}", count)){% endif %}",
      ]
      for source in sources {
        let failure = kind(source)
        #expect(failure == nil || failure == .limit || failure == .runtime || failure == .syntax)
        if count == 30, !source.contains("[0]") { #expect(failure == nil, "\(source)") }
      }
    }
  }

  @Test func `Limits can be lowered`() {
    var limits = TemplateLimits()
    limits.steps = 100
    #expect(kind("{% for i in range(1000) %}{% endfor %}", limits) == .limit)
    limits = TemplateLimits()
    limits.outputBytes = 10
    #expect(kind("12345678901", limits) == .limit)
    #expect(kind("1234567890", limits) == nil)
  }

  @Test func `Random text is never a crash`() {
    let words = [
      "{%", "%}", "{{", "}}", "{#", "#}", "-", "if", "for", "in", "set", "endif", "endfor", "x", "'a'", "1",
      "(", ")",
      "[", "]", "|", "is", "not", "macro", "endmacro", ":", ",", ".", "=", "raw", "endraw", " ", "\n", "'",
      "\\", "é", "{", "}",
    ]
    var state: UInt64 = 3
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<3000 {
      let source = (0..<random(30)).map { _ in words[random(words.count)] }.joined(
        separator: random(2) == 0 ? "" : " ")
      _ = kind(source)
    }
  }
}
