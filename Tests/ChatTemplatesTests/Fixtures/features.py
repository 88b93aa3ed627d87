"""Small templates, one for each thing that chat templates use. `VARIABLES` are there in all of them."""

VARIABLES = {
    "name": "World", "text": "  Hello, <World> & 'friends' \n", "empty": "", "n": 7, "negative": -7, "x": 2.5, "yes": True,
    "no": False, "nothing": None, "items": [3, 1, 2], "words": ["pear", "Apple", "fig", "apple"],
    "nested": {"a": {"b": [10, {"c": "deep"}]}, "items": "shadowed", "k v": 1},
    "people": [{"name": "Ann", "age": 31, "tags": ["x"]}, {"name": "bob", "age": 25}, {"name": "Cy", "age": 31, "role": None}],
    "unicode": "naïve 日本 😀 e\u0301 ΑΣ", "lines": "one\ntwo\r\n\nthree\n", "html": "<a href=\"x\">'&'</a>",
    "data": {"b": [1, 2.0, None, True, "q\"\\\n\t\u0001é"], "a": {"z": {}, "y": []}, "1": 1e100, "f": 0.1},
    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
}

EXPRESSIONS = """
1 + 2 * 3 - 4 / 2
7 // 2 ~ ' ' ~ -7 // 2 ~ ' ' ~ 7 % 3 ~ ' ' ~ -7 % 3 ~ ' ' ~ 7 % -3
7.5 // 2 ~ ' ' ~ 7.5 % 2 ~ ' ' ~ -7.5 % 2 ~ ' ' ~ 1 / 3
2 ** 10 ~ ' ' ~ 2 ** -1 ~ ' ' ~ 2 ** 3 ** 2 ~ ' ' ~ -2 ** 2
1e16 ~ ' ' ~ 1e15 ~ ' ' ~ 1.5e-5 ~ ' ' ~ 0.0001 ~ ' ' ~ 123456789.125 ~ ' ' ~ 1e22 ~ ' ' ~ 5e-324 ~ ' ' ~ 100.0
0x1F + 0b11 + 0o17 + 1_000
1.5e3 + 2E-1
'a' 'b' "c"
'tab\\there' ~ "new\\nline" ~ 'quote\\'s' ~ "\\u00e9\\x41\\101\\\\"
'a\\qb'
'ab' * 3 ~ 2 * 'x' ~ 'y' * 0 ~ 'z' * -1
([1, 2] + [3]) ~ ''
[0] * 3 ~ ''
(1, 2) ~ ' ' ~ (1,) ~ ' ' ~ () ~ ' ' ~ [1, 'a', None, true, 1.0, {'k': [1]}]
{'a': 1, 'b': {'c': [1, 2]}, 3: none, 'd': "it's", 'e': 'say "hi"', 'f': "both ' and \\""}
'\\n\\t\\r\\\\ \\x01 \\u00e9 \\u200b \\U0001F600' | list
true and false or not false
1 and 2 ~ (0 or 'x') ~ ('' and 'y')
not 1 == 2
1 < 2 < 3
1 < 3 < 2
1 == 1.0
1 == true
'a' == "a"
'é' == 'e\\u0301'
'a' < 'b' and 'B' < 'a' and [1, 2] < [1, 3]
none == none
3 in [1, 2, 3] and 'ell' in 'hello' and 'a' in {'a': 1} and 4 not in (1, 2)
not 3 in [1, 2]
'' in ''
(1 if yes else 2) ~ (1 if no) ~ ('a' if no else 'b' if yes else 'c')
name[0] ~ name[-1] ~ name[1:3] ~ name[::-1] ~ name[-3:] ~ name[:-1] ~ name[::2] ~ name[3:1] ~ name[10:] ~ name[-100:100]
items[::-1] ~ items[1:] ~ items[:1] ~ items[-1:] ~ items[::-2] ~ items[5:] ~ items[2:0:-1]
unicode[2] ~ unicode[-1] ~ unicode | length ~ unicode[6:9]
name[1] ~ name[100]
items[0] ~ items.0 ~ items[-1] ~ items[7]
nested.a.b[1].c ~ nested['a']['b'][0]
nested['k v'] ~ nested.get('k v') ~ nested.get('zz') ~ nested.get('zz', 5)
nested['items'] ~ (nested.items() | list | length)
undefined_name ~ '|' ~ nested.missing ~ '|' ~ nested['missing']
name.missing is defined
undefined_name is defined ~ (nothing is defined) ~ (nested.zz is undefined)
(undefined_name | default('d')) ~ (nothing | default('d')) ~ (nothing | default('d', true)) ~ (empty | d('e', boolean=true))
yes ~ no ~ nothing ~ n ~ x
text | trim ~ '|' ~ text.strip() ~ '|' ~ text.lstrip() ~ '|' ~ text.rstrip() ~ '|'
'xxaxx'.strip('x') ~ 'abcba'.lstrip('ab') ~ 'abcba'.rstrip('ab') ~ ('--a--' | trim('-'))
'\\u3000\\u00a0 a \\u2003'.strip() ~ '|'
unicode | upper ~ unicode | lower ~ unicode.upper() ~ unicode.lower() ~ 'straße' | upper ~ 'ǆ'.title()
'hello wORLD foo-bar (baz) x_y' | title
'hello wORLD foo-bar (baz) they\\'re x_y 3rd'.title()
'hELLO wORLD' | capitalize ~ 'éA'.capitalize() ~ 'ABC'.swapcase() ~ 'aBc'.swapcase()
name | replace('o', '0') ~ name.replace('l', 'LL', 1) ~ 'aaa' | replace('a', 'b', 2) ~ 'ab'.replace('', '-')
'a,b,,c'.split(',') ~ ' a  b '.split() ~ 'a,b,c'.split(',', 1) ~ 'a b  c '.split(none, 1) ~ ''.split() ~ ''.split(',')
'a,b,c'.rsplit(',', 1) ~ ' a b  c '.rsplit(none, 1) ~ 'a--b--c'.rsplit('--') ~ 'aXbXc'.split('X')[-1]
lines.splitlines() ~ lines.splitlines(true)
'a=b=c'.partition('=') ~ 'a=b=c'.rpartition('=') ~ 'abc'.partition('=') ~ 'abc'.rpartition('=')
name.startswith('Wo') ~ name.endswith('ld') ~ name.startswith(('x', 'W')) ~ name.startswith('o', 1) ~ ''.startswith('')
name.find('o') ~ name.find('z') ~ name.rfind('o') ~ unicode.find('日') ~ unicode.index('本') ~ 'banana'.count('an') ~ 'aaa'.count('')
'abc'.removeprefix('a') ~ 'abc'.removesuffix('c') ~ 'abc'.removeprefix('x')
'abc'.isalpha() ~ 'ab1'.isalnum() ~ '12'.isdigit() ~ '½'.isnumeric() ~ ' \\n'.isspace() ~ 'Ab'.isupper() ~ 'ab1'.islower() ~ ''.isalpha() ~ '²'.isdigit() ~ '²'.isdecimal()
'Ab Cd'.istitle() ~ 'a_1'.isidentifier() ~ '1a'.isidentifier() ~ 'é'.isascii()
'a'.center(5) ~ '|' ~ 'ab'.center(5, '*') ~ '|' ~ 'a'.ljust(3) ~ '|' ~ 'a'.rjust(3, '-') ~ '|' ~ '-5'.zfill(4) ~ '|' ~ 'ab' | center(7) ~ '|'
'-'.join(['a', 'b']) ~ ', '.join(words)
words | join(', ') ~ '|' ~ items | join ~ '|' ~ people | join('-', attribute='name') ~ '|' ~ 'abc' | join('.')
items | length ~ '' | length ~ nested | length ~ undefined_name | length ~ unicode | count
items | first ~ items | last ~ 'abc' | first ~ 'abc' | last ~ ([] | first) ~ ([] | last)
items | sort ~ items | sort(reverse=true) ~ words | sort ~ words | sort(case_sensitive=true) ~ (people | sort(attribute='age') | map(attribute='name') | list)
people | sort(attribute='age,name', reverse=true) | map(attribute='name') | join(' ')
words | unique | list ~ '' ~ (words | unique(true) | list) ~ ([1, 1.0, true, 2] | unique | list)
items | min ~ items | max ~ words | min ~ words | max ~ ([] | max) ~ (people | max(attribute='age')).name
items | sum ~ (people | sum(attribute='age')) ~ (items | sum(start=10)) ~ ([0.5, 1] | sum)
items | reverse | list ~ 'abc' | reverse
'abc' | list ~ nested | list ~ (range(3) | list) ~ (2, 3) | list
range(5) | list ~ range(2, 5) | list ~ range(10, 0, -3) | list ~ range(0) | list ~ range(3)[-1] ~ range(5)[1:3] | list
people | selectattr('age', 'equalto', 31) | map(attribute='name') | list
people | rejectattr('age', '>', 30) | map(attribute='name') | list
people | selectattr('tags') | list | length ~ people | selectattr('role', 'defined') | list | length ~ people | rejectattr('tags', 'defined') | list | length
people | selectattr('name', 'in', ['Ann', 'Cy']) | map(attribute='age') | sum
people | map(attribute='role', default='none given') | list
items | select('odd') | list ~ items | reject('odd') | list ~ items | select('>', 1) | list ~ [0, 1, '', 'a', none] | select | list
words | map('upper') | list ~ words | map('replace', 'p', 'P') | join(' ') ~ items | map('string') | join('+')
people[:1] | map(attribute='tags.0') | list
people | groupby('age') | map('first') | list
(people | selectattr('age', 'eq', 99)) is defined
nested | items | list | length ~ nested | dictsort | map('first') | list ~ {'b': 1, 'A': 2, 'c': 0} | dictsort ~ {'b': 1, 'a': 2} | dictsort(by='value') ~ {'b': 1, 'A': 2} | dictsort(true) ~ {'b': 1, 'a': 2} | dictsort(reverse=true)
{'a': 1}.items() | list ~ {'a': 1}.keys() | list ~ {'a': 1}.values() | list ~ {'a': 1}.keys() ~ {'a': 1}.items()
dict(a=1, b=2) ~ dict([('x', 1)]) ~ dict({'q': 1}, r=2) ~ dict.fromkeys(['a', 'b'], 0)
(('5' | int) + 1) ~ 'abc' | int ~ 'abc' | int(3) ~ '42.9' | int ~ ' 7 ' | int ~ 3.99 | int ~ '0x1A' | int(base=16) ~ true | int ~ -3.5 | int
'1.5' | float ~ 'x' | float ~ 'x' | float(2.5) ~ 3 | float ~ '1e3' | float ~ none | float(1)
-5 | abs ~ 5.5 | abs ~ (2.5 | round) ~ (2.567 | round(2)) ~ (2.1 | round(method='ceil')) ~ (2.9 | round(0, 'floor')) ~ (7 | round) ~ (1234 | round(-2)) ~ (0.125 | round(2))
5 | string ~ none | string ~ [1] | string ~ x | string
html | e ~ html | escape ~ html | safe ~ '<b>' | forceescape
lines | indent ~ '|' ~ lines | indent(2, true) ~ '|' ~ lines | indent(2, blank=true) ~ '|' ~ 'a\\nb' | indent('> ') ~ '|' ~ 'a\\nb' | indent(width=2, first=true)
data | tojson
data | tojson(indent=2)
data | tojson(indent=4, sort_keys=true)
data | tojson(separators=(',', ':'))
data | tojson(ensure_ascii=true)
[] | tojson ~ {} | tojson ~ 'é"' | tojson ~ none | tojson ~ 1.0 | tojson ~ (1, 2) | tojson ~ {1: 2, none: 3, true: 4} | tojson ~ [[], {}] | tojson(indent=1)
unicode | tojson ~ unicode | tojson(ensure_ascii=True)
'%s and %d' % ('a', 5) ~ '%s' % 'x' ~ '%5.2f|%-5s|%05d|%x|%%|%r' % (3.14159, 'ab', 42, 255, 'q') ~ '%s' % none ~ '%+d' % 3 ~ '%e' % 12345.678 ~ '%g' % 0.0001
'%(a)s-%(b)03d' % {'a': 1, 'b': 2}
'%s %s' | format('a', 1) ~ '%(k)s' | format(k='v')
'{} {}'.format('a', 'b')
'{0} {1} {0} {name} {d[k]}'.format('a', 'b', name='n', d={'k': 'v'})
'{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:.2f}|{:,}|{:x}|{:e}|{!r}|{{}}'.format('a', 'b', 'c', 'd', 42, 3.14159, 1234567, 255, 1.5, 'q')
'{:d} {:5} {:+} {:.3} {:%} {:#x} {:g}'.format(5, 6, 7, 'abcdef', 0.25, 255, 0.1)
'hello world foo bar' | truncate(11) ~ '|' ~ 'hello world foo bar' | truncate(11, true, leeway=0) ~ '|' ~ 'hello world' | truncate(8, false, '…', 0)
'one two, three_four five-six' | wordcount
items | batch(2) | list ~ items | batch(2, 0) | list
1 is number ~ 1 is integer ~ 1.0 is float ~ true is integer ~ true is number ~ 'a' is string ~ {} is mapping ~ [] is sequence ~ 'a' is sequence ~ {} is sequence ~ 1 is iterable ~ 'a' is iterable ~ none is none ~ true is boolean ~ 1 is boolean ~ true is true ~ 1 is true ~ false is false ~ none is string
undefined_name is iterable ~ undefined_name is sequence ~ undefined_name is none ~ undefined_name is string
3 is odd ~ 3 is even ~ 6 is divisibleby 3 ~ 6 is divisibleby(4) ~ 3 is not odd ~ 1 is eq 1 ~ 1 is equalto(2) ~ 2 is gt 1 ~ 2 is lessthan 3 ~ 1 is in [1, 2] ~ 'a' is in 'abc' ~ 5 is ne 5 ~ 1 is sameas true
'abc' is lower ~ 'ABC' is upper ~ 'trim' is filter ~ 'nope' is filter ~ 'odd' is test ~ range is callable ~ 'a' is callable
yes is true and no is false and nothing is none and not nothing is string
n is number and n > 5
{'a': [1, 2, {'b': 'c'}]}['a'][2]['b']
(messages | last).role ~ messages[-1]['content'] ~ messages[0].content
'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1]
[1, 2] | map('string') | join
[[1, 2], [3]] | sum(start=[])
[3, 1] == [3, 1] and {'a': 1} == {'a': 1.0} and (1, 2) != [1, 2]
none | default('x') ~ (none or 'y')
[1, 2, 3].index(2) ~ [1, 1].count(1) ~ (1, 2).index(2)
'x' if undefined_name else 'y'
namespace(a=1).a
'\\r\\n' | length ~ 'a\\r\\nb'.split('\\n') | length ~ 'a\\r\\nb' | replace('\\n', '') | length
'🇩🇪👩‍👧' | length ~ '🇩🇪'[0] | length ~ 'é' | length ~ 'e\\u0301' | length ~ 'e\\u0301'[0]
- 3 ~ + 3 ~ -x ~ - n | abs
(not yes) ~ (not no)
(1, 2, 3)[1:] ~ ''
""".strip("\n").split("\n")

TEMPLATES = [
    # Loops.
    "{% for i in items %}{{ loop.index }}/{{ loop.length }}:{{ i }}{{ '' if loop.last else ', ' }}{% endfor %}",
    "{% for i in items %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
    "{% for i in items %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.depth }}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }};{% endfor %}",
    "{% for i in [] %}x{% else %}none{% endfor %}|{% for i in items if i > 5 %}x{% else %}none{% endfor %}|{% for i in items if i > 1 %}{{ loop.index }}{{ i }}{{ loop.last }}{% endfor %}",
    "{% for k, v in nested.items() %}{{ k }}={{ v }};{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for c in 'abc' %}{{ c }}-{% endfor %}{% for k in nested %}{{ k }},{% endfor %}{% for x in undefined_name %}x{% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i > 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(3) %}{% for j in range(i) %}{{ loop.index }}{{ i }}{{ j }} {% endfor %}{{ loop.index }};{% endfor %}",
    "{% for p in people %}{% for t in p.tags %}{{ t }}{% else %}-{% endfor %}{% endfor %}",
    "{% for i in 1, 2, 3 %}{{ i }}{% endfor %}",
    "{% for m in messages|selectattr('role', 'equalto', 'user') %}{{ loop.length }}{{ loop.last }}{{ m.content }}{% endfor %}",
    "{% for x in (x if false else items) %}{{ x }}{% endfor %}",
    "{% set g = items | map('string') %}{{ g | join }}{{ g | join }}{% if items | select('gt', 9) %}generators are true{% endif %}",
    # Scopes.
    "{% set v = 1 %}{% for i in items %}{% set v = v + i %}{{ v }} {% endfor %}{{ v }}",
    "{% set ns = namespace(v=1) %}{% for i in items %}{% set ns.v = ns.v + i %}{% endfor %}{{ ns.v }}{% set ns.w = 'new' %}{{ ns.w }}{{ ns.zz is defined }}",
    "{% for i in items %}{{ seen is defined }}{% set seen = i %}{{ seen }};{% endfor %}{{ seen is defined }}",
    "{% if yes %}{% set w = 'set' %}{% endif %}{{ w }}{% if no %}{% set u = 1 %}{% endif %}{{ u is defined }}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{{ c }}{% endwith %}{{ a is defined }}{{ c is defined }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = 1, 2 %}{{ t }}{% set (q, r) = (5, 6) %}{{ q }}{{ r }}",
    "{% for name in ['inner'] %}{{ name }}{% endfor %}{{ name }}",
    "{% set loop = 'outer' %}{{ loop }}{% for i in [1] %}{{ loop.index }}{% endfor %}",
    # Blocks.
    "{% set b %}  block {{ n }}{% endset %}[{{ b }}]{% set c | trim | upper %}  block  {% endset %}[{{ c }}]",
    "{% filter upper | replace('A', '-') %}abc {{ name }}{% endfilter %}",
    "{% raw %}{{ not code }} {% if %}{% endraw %} {%- raw -%}  x {% endraw -%}  y",
    "a{# comment #}b {#- trims -#} c\n{# line #}\nd",
    "{% generation %}gen {{ name }}{% endgeneration %}!",
    "{% if n > 10 %}a{% elif n > 5 %}b{% elif n > 1 %}c{% else %}d{% endif %}{% if no %}x{% endif %}{% if not no: %}y{% endif %}",
    "{% if items %}t{% endif %}{% if empty %}t{% else %}f{% endif %}{% if undefined_name %}t{% else %}f{% endif %}{% if 0.0 %}t{% else %}f{% endif %}",
    # Macros.
    "{% macro m(a, b=2, c='x') %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='z') }}{{ m(b=5, a=4) }}{{ m() }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k=4) }}{{ m(*[1, 2], **{'z': 3}) }}",
    "{% macro m(a, b=a ~ '!') %}{{ b }}{% endmacro %}{{ m('x') }}",
    "{% macro fact(k) %}{{ 1 if k <= 1 else k * (fact(k - 1) | int) }}{% endmacro %}{{ fact(10) }}",
    "{% macro wrap(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}{% call wrap('b') %}in {{ name }}{% endcall %}",
    "{% macro each(list) %}{% for i in list %}{{ caller(i, loop.index) }}{% endfor %}{% endmacro %}{% call(i, k) each(items) %}{{ k }}:{{ i }} {% endcall %}",
    "{% macro m() %}{{ late }}{{ name }}{% endmacro %}{% set late = 'late' %}{{ m() }}{{ m.name }}{{ m.arguments }}",
    "{% macro m(x) %}{% set y = x %}{{ y }}{% endmacro %}{{ m(1) }}{{ y is defined }}",
    "{% macro inner(x) %}({{ x }}){% endmacro %}{% macro outer(x) %}{{ inner(x) ~ inner(x) }}{% endmacro %}{{ outer('a') | length }}",
    "{%- macro show(v, indent) -%}\n{{ indent }}{% if v is mapping %}{% for k, i in v.items() %}{{ k }}:{{ show(i, indent ~ ' ') }}{% endfor %}{% elif v is string %}{{ v }}{% elif v is iterable %}{% for i in v %}{{ show(i, indent ~ '-') }}{% endfor %}{% else %}{{ v }}{% endif %}{%- endmacro -%}\n{{ show(nested, '') }}",
    # White space.
    "a\n  {% if yes %}\n  b\n  {% endif %}\nc",
    "a\n  {%- if yes -%}\n  b\n  {%- endif -%}\nc",
    "a\n  {%+ if yes +%}\n  b\n  {%+ endif %}\nc",
    "  {% if yes %}x{% endif %}  \n  y",
    "x  {% if yes %}  y  {% endif %}  z",
    "{{ 1 }}\n{{ 2 }}  {{- 3 -}}  {{ 4 }}",
    "a {{- ' b ' -}} c",
    "  {{ 1 }}\n  {# c #}\n  {{ 2 }}",
    "  {#- c -#}  \n x",
    "\n\n{% if yes %}\n\nx\n\n{% endif %}\n\n",
    "trailing newline\n",
    "trailing newlines\n\n\n",
    "windows\r\n{% if yes %}\r\nx\r\n{% endif %}\r\nend\r\n",
    "{% for i in items %}\n{{ i }}\n{% endfor %}\n",
    "{% for i in items -%}\n{{ i }}\n{%- endfor %}\n",
    "{% if yes %}{% endif %}\n\n\nx{% if yes %}   {% endif %}\ny",
    "\t {% set q = 1 %} \nq",
    "{%- for i in items %}\n    {{- i }}\n{%- endfor %}\n   end",
    "text{% raw %}\n raw \n{% endraw %}\nend",
    "{{ '{{' }}{{ '}}' }}{{ \"{% x %}\" }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ {} }}",
    "{{'a'}}{{-'b'-}}{{'c'}}",
    "{ { x } } {x} % # }} %}",
    "",
    " ",
    "\n",
    "ünïcödé 日本 {{ unicode }} ok",
    "{{ 1, 2 }}{{ (1) }}{{ () }}",
    "{{ joiner is defined }}{% set j = joiner('|') %}{% for i in items %}{{ j() }}{{ i }}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}",
    "{{ messages[0] | items | map('first') | join(',') }}{{ messages | map(attribute='role') | join(' ') }}",
    "{%- set a = 1 -%} {{ a }} {%- if a %} b {%- endif %} c",
]

ERRORS = [
    "{{ undefined_name.x }}", "{{ undefined_name['x'] }}", "{{ nested.missing.deeper }}", "{{ undefined_name + 1 }}",
    "{{ 'a' + undefined_name }}", "{{ undefined_name() }}", "{{ undefined_name < 1 }}", "{{ -undefined_name }}", "{{ 1 + 'a' }}",
    "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ [] + 'a' }}", "{{ 1 < 'a' }}", "{{ none + 1 }}", "{{ 'a' in 5 }}",
    "{{ 5 in 'abc' }}", "{% for i in 5 %}{% endfor %}", "{% for i in none %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{{ raise_exception('stop here') }}", "{{ 'a' | nope }}", "{{ 1 is nope }}",
    "{{ name.nope() }}", "{{ nested.update({}) }}", "{{ items.append(1) }}", "{{ items.sort() }}", "{{ nested.pop('a') }}",
    "{{ 5() }}", "{{ name() }}", "{{ undefined_name | tojson }}", "{{ range | tojson }}", "{{ items | map('nope') | list }}",
    "{{ 5 | length }}", "{{ none | length }}", "{{ 5 | join }}", "{{ 5 | first }}", "{{ items | map | list }}", "{{ [1, 'a'] | sort }}",
    "{{ range(1000000000) }}", "{{ range() }}", "{{ range('a') }}", "{{ 'abc'.split('') }}", "{{ 'abc'.index('z') }}",
    "{{ ''.join([1]) }}", "{{ 'a'.replace('a') }}", "{{ '%d' % 'a' }}", "{{ '%s %s' % 'a' }}", "{{ '{}'.format() }}", "{{ '{' . format(1) }}",
    "{{ nested.a.b[0:1:0] }}", "{% set x.y = 1 %}", "{% set nested.y = 1 %}", "{% set ns = namespace(_a=1) %}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{{ {[]: 1} }}", "{{ [] in {} }}", "{{ items | items | list }}", "{{ 3 | items | list }}",
    "{% if %}{% endif %}", "{% if yes %}", "{% endif %}", "{% for i items %}{% endfor %}", "{% for i in items %}", "{{ 1 +", "{{ }}", "{{ 1 2 }}",
    "{{ 'a }}", "{{ (1 }}", "{{ [1, 2 }}", "{{ 1) }}", "{% unknown %}", "{% else %}", "{% set %}", "{% set 1 = 2 %}", "{% set true = 1 %}",
    "{# open", "{% raw %} open", "{{ a b }}", "{{ 1 | }}", "{{ 1 is }}", "{{ a.  }}", "{{ $ }}", "{{ a ? b : c }}", "{{ 1 & 2 }}",
    "{% macro %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ f(a=1, 2) }}", "{{ f(**a, b) }}", "{% break %}", "{% include 'x' %}",
    "{% extends 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{{ [1, 2, 3][0:1:2:3] }}", "{{ 1 is odd is even }}", "{% do 1 %}",
    "{% call 5 %}{% endcall %}", "{{ ''.__class__.__mro__ }}", "{{ ''['__class__']['x'] }}", "{{ (1).__class__.__bases__[0] }}",
    "{{ dict.__class__.x }}", "{{ namespace.__init__.__globals__ }}", "{{ loop.index }}", "{{ people | sort(attribute='role') }}", "{{ not }}",
]
