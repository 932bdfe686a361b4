"""Small templates that render the same here and in Jinja2, and such that both refuse."""

VARIABLES = {
    "s": "Hello, Wörld", "empty": "", "n": 7, "neg": -3, "f": 2.5, "t": True, "no": False, "nothing": None,
    "xs": [3, 1, 2], "words": ["b", "A", "c", "a"], "d": {"one": 1, "two": 2, "items": "own"}, "nested": {"a": [{"b": "deep"}, {"b": None}]},
    "people": [{"name": "Ann", "age": 30}, {"name": "bob", "age": 25}, {"name": "Cy"}], "u": "ǆ ß ŉ İ ΑΣ ΑΣΑ ﬁ", "sp": "\u3000 a b\tc\x1c\n",
    "bos_token": "<s>", "html": "<a href='x'>&\"</a>",
}

EXPRESSIONS = """
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 // -2, 7.5 // 2, -7.5 // 2, 0.0 // -3
7 % 3, -7 % 3, 7 % -3, 7.5 % 2, -7.5 % 2, 6.0 % -3
2 ** 10, 2 ** -1, (-2) ** 3, -2 ** 2, 2 ** 0.5, 0 ** 0, (-1) ** 5, 2 ** 3 ** 2
1_000, 0x1F, 0b101, 0o17, 1e3, 1.5e-7, 1_0.2_5, 00
1e16, 1e15, 123456789012345680.0, 0.0001, 0.00001, 1.0, -0.0, 3.14, 1e100, 5e-324, 0.1 + 0.2
true + 1, true == 1, true is sameas true, 1 == 1.0, 1 is sameas 1
-n, +n, -f, +t, -t, - 3 | abs, -3|abs, (-3)|abs
9223372036854775807, -9223372036854775807 - 1
n / 3, 10 / 5, 1 / 3, f / 3, 9007199254740993 / 3
n > 3 > 2, n > 3 < 2, 1 < 2 < 3 < 4, 1 == 1 != 2
1 < 1.5, 9007199254740993 == 9007199254740992.0, 9007199254740993 > 9007199254740992.0
"a" < "b", "Z" < "a", "é" > "z", "a" <= "a", [1, 2] < [1, 3], (1,) < (1, 0)
[1, 2] == [1, 2], (1, 2) == [1, 2], {"a": 1} == {"a": 1.0}, {"a": 1, "b": 2} == {"b": 2, "a": 1}, none == none
"ell" in s, "x" in s, "" in s, 1 in xs, 1.0 in xs, "one" in d, 9 not in xs, none in [none], "a" in ("a", "b")
not t, not not t, not n in xs, not (n in xs)
t and n, no and n, no or n, empty or "other", nothing or no or 0
n if t else 1, n if no else 1, "x" if no, (1 if t else 2) if no else 3
"a" ~ 1 ~ none ~ true ~ 1.5 ~ [1, "x"] ~ missing
"a" "b" 'c'
"ab" * 3, 3 * "ab", [1] * 2, "ab" * -1, (1, 2) * 2
"x" + "y", [1] + [2], (1,) + (2,), "é" + "ß"
'\\n\\t\\x41\\u00e9\\U0001F600\\101\\q\\'' ~ "\\""
s[0], s[-1], s[7], s[8], s[99], s[1:3], s[:-1], s[::-1], s[::2], s[-3:], s[5:1], s[10:0:-3], s[True]
xs[0], xs[-1], xs[9], xs[1:], xs[:1], xs[::-1], xs[-2:], xs[5:], xs[:-5], xs[::2], xs[100::-1]
(1, 2, 3)[1], (1, 2, 3)[1:], (1, 2, 3)[::-1], xs.0, xs.5
range(5)[1], range(5)[1:4]|list, range(10)[::-3]|list, range(3)|length, 2 in range(3), range(5, 0, -2)|list, range(0)|list
d.one, d["two"], d.missing, d["missing"], d.items is callable, d['items'], d.get("one"), d.get("x"), d.get("x", 5), d.get(key="one") if no else 1
d|length, d|list, d.keys()|list, d.values()|list, d.items()|list, d|items|list, "one" in d.keys(), ("one", 1) in d.items()
nested.a[0].b, nested["a"][1]["b"], nested.a[5], nested.a|map(attribute="b")|list
{"a": 1, "b": [1, {"c": none}]}, {1: "x", none: 2, 1.5: 3, (1, 2): 4}, {"a": 1, "a": 2}, {}
[], (), (1,), [1, [2, (3,)]], [none, true, 1.5, "it's", 'say "hi"', "both ' and \\""]
["\\n\\t\\r\\\\", "\\x00\\x7f\\x1b", "é", "\\u200b", "\\u3000", "\\u00a0", "\\U0001F600", "\\U000E0001"]
missing, missing is defined, missing is undefined, missing|default("d"), missing|d(1), none|default("x"), none|default("x", true), ""|default("x", boolean=true)
missing|length, missing|list, missing|join, missing|upper, missing == missing2, missing|first is defined, not missing, missing ~ "x"
none.x is defined, (5).foo is defined, s.foo is defined, (nothing.x.y is defined) if no else "-"
s|upper, s|lower, s|title, s|capitalize, "hello wORLD-foo (bar) [baz]"|title, "they're bill's"|title
u|upper, u|lower, u|title, u|capitalize, u.title(), u.upper(), u.lower(), u.capitalize()
s.upper(), s.lower(), s.title(), "they're bill's".title(), "ABC".capitalize(), "x1y".title()
sp|trim, sp.strip(), sp.lstrip()|length, sp.rstrip()|length, "xxaxx".strip("x"), "xyaxy"|trim("xy"), "aXb".lstrip("a").rstrip("b"), "ééaé".strip("é")
"a,b,,c".split(","), "a b  c ".split(), "a,b,c".split(",", 1), "a,b,c".rsplit(",", 1), " a  b c ".split(none, 1), " a  b c ".rsplit(none, 1), "".split(), "".split(","), "aaa".rsplit("aa", 1), "a--b--c".rsplit("--")
"a b".split(maxsplit=0), "  x y z ".split(maxsplit=2), "x".split("y"), "a\\nb\\r\\nc\\n\\nd".splitlines(), "a\\nb\\n".splitlines(true), "a\\x0bb\\u2028c".splitlines()
"hello".startswith("he"), "hello".startswith(("x", "h")), "hello".endswith("lo"), "hello".startswith("l", 2), "hello".endswith("l", 0, 4), "".startswith(""), "a".startswith("", 5)
"hello".find("l"), "hello".rfind("l"), "hello".find("z"), "hello".find("l", 3), "héllo".find("l"), "hello".index("e"), "hello".count("l"), "héé".count("é"), "abc".count(""), "aXbX".find("X", -2), "hello".find("", 9), "hello".rfind("l", 0, 3)
"hello".replace("l", "L"), "hello".replace("l", "L", 1), "abc".replace("", "-"), "abc".replace("", "-", 2), "hello"|replace("l", "L"), "hello"|replace("l", "", 1), 123|replace(2, "x"), "é".replace("", ".")
"-".join(["a", "b"]), ", ".join(d), "".join([]), ["a", 1, none]|join("-"), people|join(", ", attribute="name"), "abc"|join("."), d|join
"{} and {}".format(1, "x"), "{0}{1}{0}".format("a", "b"), "{name}!".format(name=s), "{{}}{!r}".format("q")
"%s-%s" % (1, "x"), "%s" % s, "%d%%" % 5, "%05.2f|%-5s|%5s|%+d" % (3.14159, "ab", "é", 3), "%(one)s" % d, "%x %X %o" % (255, 255, 8), "%r" % "it's", "%s %s"|format("a", 1), "%.3s" % "abcdef", "%5d|%-5d|%05d" % (42, 42, -42), "%e %g %G" % (12345.678, 0.00001, 1e20), "%s" % [1], "%c%c" % ("x", 65), "%i" % 3.9, "%#x %#o" % (255, 8), "% d" % 5, "%.5d" % 42
"abc".removeprefix("a"), "abc".removesuffix("c"), "abc".removeprefix("z"), "a=b=c".partition("="), "a=b=c".rpartition("="), "abc".partition("z"), "abc".rpartition("z")
"12".isdigit(), "".isdigit(), "1a".isdigit(), "ab".isalpha(), "a1".isalnum(), " \\t".isspace(), "AB".isupper(), "ab1".islower(), "1".islower(), "12".isnumeric(), "É".isupper(), "ß".islower(), "ǅ".isupper()
"7".zfill(3), "-7".zfill(4), "a".ljust(3, ".") , "a".rjust(3), "é".ljust(3, "é"), "abc".zfill(2)
s|length, s|count, xs|length, u|length, "👩‍👩‍👧"|length, [[1], []]|map("length")|list
xs|first, xs|last, s|first, s|last, d|first, d|last, []|first is defined, range(3)|last
xs|sort, xs|sort(reverse=true), words|sort, words|sort(case_sensitive=true), people|sort(attribute="name")|map(attribute="name")|list, [[2, 1], [1, 2]]|sort, "bca"|sort, people[:2]|sort(attribute="age,name")|map(attribute="name")|join
xs|reverse|list, s|reverse, d|reverse|list, (xs|map("string")|reverse)|list
words|unique|list, ["a", "A", "b"]|unique|list, ["a", "A"]|unique(true)|list, people|unique(attribute="age")|list|length if no else 0, [1, 1.0, true, 2]|unique|list
xs|min, xs|max, words|min, words|max, words|max(case_sensitive=true), people[:2]|max(attribute="age"), []|min is defined, [3, 1.5]|min
xs|sum, [1.5, 2]|sum, people[:2]|sum(attribute="age"), []|sum, xs|sum(start=10), [[1], [2]]|sum(start=[])
xs|map("string")|list, words|map("upper")|join, people|map(attribute="age", default=0)|list, people|map(attribute="age")|list|length, [1.234, 5.678]|map("round", 1)|list, nested.a|map(attribute="b.c.d")|list if no else 1, [[1, 2], [3, 4]]|map(attribute=1)|list, [{"a": [5]}]|map(attribute="a.0")|list
xs|select("odd")|list, xs|reject("odd")|list, [0, 1, "", "x", none]|select|list, xs|select("gt", 1)|list, xs|select("in", [1, 2])|list, [1, 2, 3, 4]|select("divisibleby", 2)|list, xs|reject("equalto", 1)|list
people|selectattr("age")|list|length, people|selectattr("name", "equalto", "bob")|map(attribute="age")|list, people|rejectattr("age", "defined")|map(attribute="name")|list, people|selectattr("age", "defined")|selectattr("age", ">", 26)|list, people|selectattr("name", "in", "Ann bob")|list|count
(xs|select("odd")) is iterable, (xs|select("odd")) is sequence, (xs|map("string")) is string, (xs|reject) is defined
d|dictsort, {"b": 1, "A": 2}|dictsort, {"b": 1, "A": 2}|dictsort(true), {"b": 1, "a": 2}|dictsort(by="value"), {"b": 1, "a": 2}|dictsort(false, "key", true)
d|tojson, [1, 2.0, none, true, "é<>&'\\"\\n\\x01\\x7f/"]|tojson, s|tojson(ensure_ascii=true), "👩\\x7f"|tojson(true), {"a": [1, {"b": []}], "c": {}}|tojson(indent=2), [1, [2]]|tojson(indent=0), {"b": 1, "a": 2}|tojson(sort_keys=true), [1, 2]|tojson(separators=(",", ":")), {1: 1, none: 2, true: 3, 1.5: 4}|tojson, 1e16|tojson, (1, 2)|tojson, {"x": [1, 2]}|tojson(indent="\\t"), 1e999|tojson, {"a": 1}|tojson(none, none, (", ", "="))
"3"|int, "3.7"|int, "x"|int, "x"|int(5), 3.9|int, "0x1f"|int(base=16), "1f"|int(0, 16), true|int, none|int, " 7 "|int, "-5"|int, "1_000"|int, "1e3"|int, "z"|int(base=36), -3.9|int, "nan"|int
"3.5"|float, "x"|float, 3|float, "1e3"|float, none|float, "inf"|float, " 2 "|float, "1_0.5"|float, "x"|float(1.5), "-.5"|float, "5."|float
2.5|round, 3.5|round, 2.675|round(2), 42|round, 42.55|round(1, "floor"), 42.51|round(1, "ceil"), -2.5|round, 1.005|round(2), 0.5|round, 7|round(2), 2.345|round(precision=1), 42|round(1, "floor")
-3|abs, -2.5|abs, true|abs, (-3)|abs
"a\\nb\\n\\nc"|indent, "a\\nb"|indent(2, true), "a\\n\\nb"|indent(2, blank=true), "a\\nb"|indent("> "), "a"|indent, "a\\n"|indent, ""|indent, "a\\r\\nb"|indent(1)
html|e, html|escape, html|safe, html|e|e, html|safe|e, html|e|length, (html|safe) + "<x>", "<x>" + (html|safe), (html|safe) ~ "<x>", 5|e, html|e|string, (html|safe|upper) ~ ''
n|string, none|string, [1]|string, s|list, d|string, 1.5|string, true|string
s is string, n is string, n is number, t is number, f is float, n is integer, t is integer, t is boolean, nothing is none, missing is none, d is mapping, xs is mapping, xs is sequence, d is sequence, n is sequence, s is sequence, missing is sequence, xs is iterable, n is iterable, s is iterable, missing is iterable, none is iterable
t is true, no is false, 1 is true, n is odd, n is even, n is divisibleby 7, n is divisibleby(3), n is eq 7, n is equalto(7), n is ne 8, n is gt 5, n is lt 5, n is ge 7, n is le 6, n is greaterthan 3, n is lessthan 3, n is in [7], n is not in [7], "x" is in "xyz", n is not none, s is lower, "abc" is lower, "ABC" is upper, range is callable, s is callable, "upper" is filter, "defined" is test, "nosuch" is filter, n is not defined
n is defined and t, n is odd and n is number or no, not n is odd, n is divisibleby 7 and t
dict(a=1, b=2), dict([("x", 1)]), dict(d, one=5)["one"], dict(), dict({"a": 1}, b=2)
namespace(a=1).a, namespace(a=1).b is defined, namespace({"x": 2}).x, namespace(a=1)["a"]
xs.index(1), xs.count(3), (1, 2, 1).count(1), xs.copy(), d.copy()
"a" if missing else "b", (missing or "x"), [missing]|length, [missing, none]|select("defined")|list|length
strftime_now("%Y-%m-%d %H:%M:%S"), strftime_now("%d %B %Y, %A %j %%"), strftime_now("é %b"), strftime_now("")|length
(1, 2)|first, (1, "a"), ((1, 2), 3)|last, [(1, 2)]|map("first")|list
s|attr("upper") is callable, d|attr("one") is defined, "x"|attr("nosuch") is defined
"abc"[1], "abc"["upper"]() , d["get"]("one"), "a".upper().lower().upper()
[1, 2, 3]|length == 3, xs|length > 2 and xs[0] == 3, s|length - 1, (s|length) * 2, xs|join(",")|upper
1 in {1: 2}, "x" in {}, none in {none: 1}, 1.0 in {1: 2}, (1, 2) in {(1, 2): 1}
xs|list == xs, (xs|list) is sameas xs, xs is sameas xs
people|map(attribute="name")|map("lower")|list, people|map("tojson")|join(";")
d.items()|length, d.keys()|length, d.items()|first, "one" in d|list
1.0|string, 1e5|string, 100000000000000000000.0|string, 1.5e300 * 1e10, (0.1 * 3)|string, 1e22, 1e21 + 1
"%.2f" % 2.675, "%.0f" % 0.5, "%5.1f" % 9.96, "%s" % none, "%s %s" % ("a", ["b"]), "%%"|format(), "%s" % (("a", "b"),)
loop is defined, "a\\tb"
"é" in "café", "日本"[::-1], "日本語"[1], "a日b本"[1:3], "日本語".find("語"), "日本語".split("本"), "ÀÉ".lower(), "straße".upper(), "ŒUVRE"|capitalize
*[] if no else 1
""".strip().split("\n")

SNIPPETS = ["{{ [" + line + "] }}" for line in EXPRESSIONS[:-1]] + [
    # white space control, newlines
    "{{ 'a\\\nb' }}",
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}  \n  b\n  {% endif %}\nc", "  {%- if true -%}  x  {%- endif -%}  y",
    "a\n   {%+ if true %}\nb{% endif +%}\nc", "a {{- 1 -}} b", "a\n{{- 1 }}\n\n{{ 2 -}}\n\nb", "x\n  {# comment #}\ny", "x\n  {#- comment -#}\n y", "x {# a\nb #} y\n{# c +#}\nz",
    "{% raw %}{{ x }} {% if %}{% endraw %}", "a\n  {% raw %}\n  {{ x }}\n  {% endraw %}\nb", "{%- raw -%}  {{ 1 }}  {%- endraw -%}  z", "{% raw -%}\n\n x{% endraw %}",
    "\n\n{{ 1 }}\n\n", "x{% raw %}", "x{#", "a\r\nb\rc{{ 1 }}\r\n", "{{ 'a\r\nb' }}", "a\n", "a\n\n", "", "{{ '' }}\n", "{% if true %}\n\n\nx{% endif %}", "{%if true%}y{%endif%}", "{{1}}{{2}}", "{{{'a':1}['a']}}", "{{ {'a': {'b': 1}} }}", "{ {{ 1 }} }", "{ % %} # }} -}}",
    "  {% set x = 1 %}\n{{ x }}", "\t{% set x = 1 %}  {{ x }}", "a{% set x = 1 %}\n\nb", "\u3000{%- set x = 1 %}b", "x\n\u3000{% set x = 1 %}b", "{{ 1 }}\n  {% if true %}z{% endif %}", "{% if true %}\n  {% if true %}z{% endif %}{% endif %}",
    "{{+ 1 }}", "{{-1}}", "{{ -1 }}", "{{ 1 - 1 }}", "{% set y = 3 -%}   {{ y }}", "{{ '{{' }}{{ '%}' }}{{ \"#}\" }}", "{% set a = '-%}' %}{{ a }}",
    # statements
    "{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}|{% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}-{{ loop.nextitem }}{{ loop.previtem is defined }}|{% endfor %}", "{% for x in xs %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}",
    "{% for x in [] %}x{% else %}none{% endfor %}", "{% for x in missing %}x{% else %}none{% endfor %}", "{% for x in xs if x > 1 %}{{ x }}{{ loop.length }}{% else %}none{% endfor %}", "{% for x in xs if x > 5 %}{{ x }}{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for k, v in d|dictsort %}{{ k }}{{ v }}{% endfor %}", "{% for c in 'aé' %}[{{ c }}]{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for i in range(3) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for i in range(9) %}{% break %}{% else %}else{% endfor %}", "{% for i in range(2) %}{% continue %}{% else %}else{% endfor %}", "{% for i in range(2) %}{% if i %}{% break %}{% endif %}{% else %}else{% endfor %}",
    "{% for i in range(2) %}{% for j in range(2) %}{{ loop.index }}{% if j %}{% break %}{% endif %}{% endfor %}{{ loop.index }};{% endfor %}",
    "{% set x = 1 %}{% for i in range(3) %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "{% set ns = namespace(x=1) %}{% for i in range(3) %}{% set ns.x = ns.x + 1 %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a %}block{{ 1 }}{% endset %}{{ ns.a }}",
    "{% if no %}{% set x = 1 %}{% endif %}{{ x }}{{ x is defined }}", "{% if t %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}", "{% for i in xs %}{% if i == 1 %}{% set y = i %}{% endif %}[{{ y }}]{% endfor %}{{ y }}",
    "{% if no %}a{% elif n == 7 %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% elif t %}d{% endif %}", "{% if 1, 2 %}x{% endif %}", "{% set a, b = 1, 'x' %}{{ a }}{{ b }}", "{% set (a, b) = xs[:2] %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set x %}a{{ n }}{% endset %}{{ x|upper }}", "{% set x | upper | replace('A', 'b') %}a{{ n }}{% endset %}{{ x }}",
    "{% set x = 5 %}{% set x %}{{ x }}!{% endset %}{{ x }}", "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}", "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}banana{% endfilter %}", "{% with a = 1, b = n %}{{ a + b }}{% endwith %}{{ a is defined }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}", "{% with a, b = (1, 2) %}{{ b }}{% endwith %}",
    "{% macro f(a, b=2, c='x') %}[{{ a }},{{ b }},{{ c }}]{% endmacro %}{{ f(1) }}{{ f(1, c=3) }}{{ f(b=1, a=2) }}{{ f() }}{{ f(1, 2, 3)|length }}", "{% macro f(a, b=a) %}{{ b }}{% endmacro %}{{ f(4) }}", "{% macro f(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, x=4) }}", "{% macro f() %}{{ caller() }}{{ caller(1) if no }}{% endmacro %}{% call f() %}body{{ n }}{% endcall %}", "{% macro f(x) %}{% for i in x %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(v) f(xs) %}<{{ v }}>{% endcall %}",
    "{% macro fact(k) %}{{ 1 if k < 2 else k * fact(k - 1)|int }}{% endmacro %}{{ fact(5) }}", "{% macro f() %}{{ x }}{% endmacro %}{% set x = 9 %}{{ f() }}", "{% set x = 1 %}{% macro f() %}{% set x = 2 %}{{ x }}{% endmacro %}{{ f() }}{{ x }}", "{% macro f() %}a{% endmacro %}{{ f() + 'b' }}{{ f() is string }}", "{% for i in range(2) %}{% macro f() %}{{ i }}{% endmacro %}{{ f() }}{% endfor %}", "{% macro f(x) %}{{ x is defined }}{% endmacro %}{{ f() }}{{ f(none) }}", "{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}",
    "{% generation %}x{{ n }}{% endgeneration %}", "{% generation %}{% set z = 1 %}{% endgeneration %}{{ z is defined }}", "{% for i in xs %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}", "{% print 1, 'a' %}", "{% print n %}", "{% if t: %}x{% endif %}", "{% for x in xs: %}{{ x }}{% endfor %}",
    "{% set sel = xs|select('odd') %}{{ sel|first }}{{ sel|first }}{{ sel|first is defined }}", "{% set m = xs|map('string') %}{{ m|join }}{{ m|join }}", "{% if xs|select('gt', 99) %}always{% endif %}", "{% set g = d|items %}{{ g|list }}{{ g|list }}", "{% for x in xs|reverse %}{{ x }}{{ loop.last }}{% endfor %}", "{% for x in xs|select('odd') %}{{ loop.length }}{{ loop.revindex }}{% endfor %}",
    "{% set x = [1, 2] %}{% set y = x + [3] %}{{ x }}{{ y }}", "{% set _ = 1 %}{{ _ }}", "{{ f }}{{ true }}{{ none }}{{ missing }}{{ [] }}{{ 'x' }}", "{{ 1, 2 }}", "{{ (1) }}{{ (1,) }}{{ () }}", "{{ [1, 2,] }}{{ {'a': 1,} }}{{ (1, 2,) }}", "{{ range(3) }}{{ range(1, 5, 2) }}", "{{ namespace(a=1, b='x') }}",
    "{{ dict(**{'a': 1}) }}{{ range(*[1, 4])|list }}", "{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1], **{'b': 2}) }}{{ f(*(1, 2)) }}", "{{ 'x'.format(*xs) }}", "{% set c = joiner is defined %}{{ n }}", "{{ none is none }}{{ True }}{{ None }}{{ False }}", "{{ 'a' if none is none else 'b' }}", "{{ xs[n - 7] }}{{ xs[xs|length - 1] }}", "{{ d[s] }}{{ d[missing] is defined }}{{ xs['0'] is defined }}{{ s[1.5] is defined }}{{ d[[1]] is defined }}", "{{ loop }}", "{% for loopy in xs %}{{ loopy }}{% endfor %}",
    "{% set append = xs.append %}ok", "{{ xs.append is defined }}{{ d.update is defined }}", "{% if d.pop %}x{% else %}y{% endif %}", "{{ xs.nosuch is defined }}{{ d.nosuch }}", "{% set m = namespace(l=[]) %}{% for x in xs %}{% set m.l = m.l + [x * 2] %}{% endfor %}{{ m.l }}",
]

# Both refuse.
ERRORS = [
    "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1.5 % 0 }}", "{{ 'a' + 1 }}", "{{ 1 + 'a' }}", "{{ [1] + (2,) }}", "{{ 'a' - 'b' }}", "{{ none + 1 }}", "{{ missing + 1 }}", "{{ missing.x }}", "{{ missing['x'] }}", "{{ missing() }}", "{{ missing < 1 }}", "{{ d.nosuch.x }}", "{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ [1] < 1 }}", "{{ 1 in 5 }}", "{{ 1 in 'abc' }}", "{{ missing in 'abc' }}", "{{ [1] in d }}", "{{ {[1]: 2} }}", "{{ -'a' }}", "{{ -none }}",
    "{{ xs[::0] }}", "{{ nothing[1:] }}", "{{ n[:1] }}", "{{ xs['a':] }}", "{{ d[1:2] }}", "{{ missing[1:] }}", "{{ xs.append(1) }}", "{{ d.update({}) }}", "{{ d.pop('one') }}", "{{ xs.sort() }}", "{{ s() }}", "{{ n() }}", "{{ s.nosuch() }}", "{{ none.foo() }}", "{{ 'a'.split('') }}", "{{ 'a'.index('z') }}", "{{ xs.index(99) }}", "{{ 'a'.strip(1) }}", "{{ 'a'.replace('a') }}", "{{ 'a'.join([1]) }}", "{{ 'x'.startswith(1) }}", "{{ 'x'.upper(1) }}", "{{ 'a'.zfill('x') }}", "{{ d.get() }}", "{{ d.items(1) }}",
    "{{ '%d' % 'x' }}", "{{ '%s %s' % 'x' }}", "{{ '%s' % (1, 2) }}", "{{ '%(a)s' % d }}", "{{ '%(a)s' % 1 }}", "{{ '%y' % 1 }}", "{{ '%' % 1 }}", "{{ '{}'.format() }}", "{{ '{a}'.format() }}", "{{ '{'.format() }}", "{{ '}'.format() }}", "{{ 'x' % 1 }}", "{{ '%x' % 1.5 }}",
    "{{ n|length }}", "{{ none|length }}", "{{ (xs|map('string'))|length }}", "{{ none|list }}", "{{ n|join }}", "{{ n|first }}", "{{ (xs|map('string'))|last }}", "{{ [1, 'a']|sort }}", "{{ [1, none]|max }}", "{{ ['a']|sum }}", "{{ 'a'|abs }}", "{{ 'a'|round }}", "{{ missing|int }}", "{{ 1|dictsort }}", "{{ xs|items|list }}", "{{ xs|map|list }}", "{{ xs|map('nosuch')|list }}", "{{ xs|select('nosuch')|list }}", "{{ xs|selectattr|list }}", "{{ missing|tojson }}", "{{ range(3)|tojson }}", "{{ {(1, 2): 3}|tojson }}", "{{ namespace()|tojson }}", "{{ n|indent }}", "{{ people|sort(attribute='age') }}", "{{ 3|round(1, 'x') }}", "{{ {'a': 1}|dictsort(by='x') }}", "{{ xs|default(1, 2, 3) }}", "{{ 'a'|upper(1) }}", "{{ 'a'|replace('a') }}", "{{ 'a'|trim(1) }}",
    "{{ x|nosuch }}", "{{ 1 is nosuch }}", "{{ n is divisibleby 0 }}", "{{ s is odd }}", "{{ n is in 5 }}", "{{ n is gt 'a' }}", "{% for x in none %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for a, b in xs %}{% endfor %}", "{% set a, b = xs %}", "{% set a, b = 1 %}", "{% set d.x = 1 %}", "{% set q.x = 1 %}", "{% set ns = namespace() %}{% set ns._x = 1 %}", "{{ namespace(_x=1) }}", "{{ namespace(1) }}", "{{ dict(1) }}", "{{ range() }}", "{{ range('a') }}", "{{ range(1, 2, 0) }}", "{{ range(1000000)|list }}", "{{ raise_exception('no') }}", "{{ raise_exception() }}", "{{ strftime_now() }}", "{{ strftime_now(1) }}",
    "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(b=1) }}", "{% macro f(a) %}{{ a.b }}{% endmacro %}{{ f() }}", "{% macro f(a) %}{% endmacro %}{{ f(1, a=1) }}", "{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}", "{% macro f(a=1, b) %}{% endmacro %}", "{% macro f() %}{{ caller() }}{% endmacro %}{{ f() }}", "{{ loop.index }}",
    # syntax
    "{{", "{{ 1", "{{ 1 }", "{% if %}{% endif %}", "{% if t %}", "{% endif %}", "{% for %}{% endfor %}", "{% for x xs %}{% endfor %}", "{% for x in xs %}", "{% else %}", "{% if t %}{% endfor %}", "{% nosuch %}", "{% set %}", "{% set 1 = 2 %}", "{% set x %}", "{% set none = 1 %}", "{% raw %}x", "{# x", "{{ 'abc }}", "{{ (1 }}", "{{ [1 }}", "{{ 1) }}", "{{ {1} }}", "{{ {1: } }}", "{{ 1 2 }}", "{{ 1 + }}", "{{ * 2 }}", "{{ a..b }}", "{{ a.'b' }}", "{{ a[ }}", "{{ f(a=1, 2) }}", "{{ f(**a, 1) }}", "{{ x| }}", "{{ x|1 }}", "{{ x is }}", "{{ x is not }}", "{{ x if }}", "{{ not }}", "{{ ! }}", "{{ a ? b : c }}", "{{ 1 if t else }}", "{% break %}", "{% continue %}", "{% for x in xs %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}", "{% filter %}x{% endfilter %}", "{% call %}x{% endcall %}", "{% call n %}x{% endcall %}", "{{ }}", "{{ , }}", "{{ a = 1 }}", "{{ x is string is number }}", "{% if t %}{% elif %}{% endif %}", "{{ 1 is divisibleby }}", "{{ '\\x' }}", "{{ '\\u12' }}", "{{ 01 }}", "{{ 1a }}", "{{ $x }}", "{{ `x` }}", "{{ a &b }}", "{% set x = %}", "{% with a %}{% endwith %}", "{% macro %}{% endmacro %}", "{% macro f %}{% endmacro %}", "{% macro 1() %}{% endmacro %}", "{% for x in xs recursive if t %}{% endfor %}", "{{ xs[1 }}", "{% if t %}{% else %}{% else %}{% endif %}", "{% print %", "{% if t -%}", "{%", "{{ {'a' 1} }}", "{{ [1 2] }}", "{{ (1 2) }}", "{{ a b }}",
]
