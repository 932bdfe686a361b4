// Templates and variables that would take all time, memory or stack end in a sentence.
#include <gmock/gmock.h>

#include <string>

#include "base/error.hpp"
#include "io/jinja/template.hpp"

namespace trireme::jinja {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string refusal(const std::string& source, const base::Json& variables = base::Json::object(),
                    std::uint64_t steps = 1'000'000) {
  Limits limits;
  limits.steps = steps;
  limits.memory = 32 << 20;
  limits.output = 1 << 20;
  try {
    return "rendered: " + Template::parse(source, "t", limits).render(variables, 0).substr(0, 100);
  } catch (const base::InputError& error) {
    return error.what();
  }
}

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST(JinjaLimitsTest, LoopsEnd) {
  EXPECT_THAT(refusal("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
              AnyOf(HasSubstr("too many steps"), HasSubstr("of memory")));
  EXPECT_THAT(refusal("{{ range(99999)|select('gt', 5)|map('abs')|sum }}"), HasSubstr("rendered: 4999849986"));
  EXPECT_THAT(refusal("{% set x = range(99999)|list %}{{ x in [x] * 2 }}{{ [x, x] == [x + [], x + []] }}" +
                      repeated("{{ 1 in range(2, 99999) }}", 20)),
              HasSubstr("too many steps"));
  EXPECT_THAT(refusal("{{ range(100001) }}"), HasSubstr("longer than 100000"));
  EXPECT_THAT(refusal("{{ range(-9223372036854775807, 9223372036854775807) }}"), HasSubstr("longer than"));
}

TEST(JinjaLimitsTest, OutputAndMemoryEnd) {
  EXPECT_THAT(refusal("{{ 'a' * 2000000 }}"), HasSubstr("writes more than 1 MiB"));
  EXPECT_THAT(refusal("{% for a in range(99) %}{{ 'a' * 99999 }}{% endfor %}"), HasSubstr("writes more than 1 MiB"));
  for (const char* source :
       {"{{ ('a' * 99999999)|length }}", "{{ 'a' * 9223372036854775807 }}", "{{ [1] * 99999999 }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{{ ('a' * 9999)|replace('', 'b' * 9999) }}", "{{ ('a' * 9999).join('b' * 9999) }}",
        "{{ 'a'.ljust(99999999) }}", "{{ ('a\\n' * 9999)|indent(9999) }}", "{{ ([1] * 9999)|tojson(indent=9999) }}",
        "{{ ['a' * 9999] * 9999 }}", "{{ ('%s' * 9999) % (['a' * 9999] * 9999) }}",
        "{{ ('{0}' * 9999).format('a' * 9999) }}", "{{ ('a' * 999999).split('a')|length }}",
        "{{ ('a' * 9999999)|list }}", "{{ ('<' * 9999999)|e }}"}) {
    EXPECT_THAT(refusal(source), AnyOf(HasSubstr("MiB"), HasSubstr("repeated too often"), HasSubstr("too many"),
                                       HasSubstr("more values")))
        << source;
  }
}

TEST(JinjaLimitsTest, DepthEnds) {
  for (const std::string& source :
       {"{{ " + repeated("(", 5000) + repeated(")", 5000) + " }}",
        "{{ " + repeated("[", 5000) + repeated("]", 5000) + " }}", "{{ " + repeated("-", 5000) + "1 }}",
        "{{ " + repeated("not ", 5000) + "1 }}", "{{ 1" + repeated(" + 1", 5000) + " }}",
        "{{ x" + repeated(".a", 5000) + " }}", "{{ x" + repeated("|list", 5000) + " }}",
        "{{ x" + repeated("()", 5000) + " }}", "{{ 1" + repeated(" if 1", 5000) + " }}",
        "{{ " + repeated("1 if 1 else ", 5000) + "1 }}", repeated("{% if 1 %}", 5000),
        repeated("{% for a in b %}", 5000), "{% set " + repeated("(", 5000) + repeated(")", 5000) + " = 1 %}",
        "{{ x" + repeated(" is defined(1", 5000) + repeated(")", 5000) + " }}", repeated("{% macro f() %}", 5000)}) {
    EXPECT_THAT(refusal(source), HasSubstr("too deeply")) << source.substr(0, 40);
  }
  EXPECT_THAT(refusal("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), HasSubstr("nested too deeply"));
  const std::string filters =
      "{% set ns = namespace(x=[1]) %}{% for i in range(5000) %}{% set ns.x = ns.x|map('string') %}{% endfor %}";
  EXPECT_THAT(refusal(filters + "{{ ns.x|list }}"), HasSubstr("nested too deeply"));
}

TEST(JinjaLimitsTest, ValuesInsideEachOtherEnd) {
  const std::string nest =
      "{% set ns = namespace(x=1, y=1) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% set ns.y = (ns.y,) %}{% "
      "endfor %}";
  for (const char* use : {"{{ ns.x }}", "{{ ns.x|tojson }}", "{{ ns.x == [ns.x] }}", "{{ ns.x < [ns.x] }}",
                          "{{ {ns.y: 1} }}", "{{ ns }}", "{{ ns.y in [ns.y] }}"}) {
    EXPECT_THAT(refusal(nest + use),
                AnyOf(HasSubstr("too deeply"), HasSubstr("rendered: True"), HasSubstr("rendered: False")))
        << use;
  }
  EXPECT_THAT(refusal("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}"), HasSubstr("too deeply"));
  base::Json deep = 1;
  for (int i = 0; i < 150; ++i) deep = base::Json::array({deep});
  EXPECT_THAT(refusal("{{ x is defined }}", {{"x", deep}}), HasSubstr("too deeply"));
}

// Searches whose time is the product of two lengths count as that many steps.
TEST(JinjaLimitsTest, SearchesEnd) {
  for (const char* source :
       {"{{ ('a' * 999999).rfind('b' + 'a' * 99999) }}", "{{ ('a' * 999999).rsplit('b' + 'a' * 99999) }}",
        "{{ ('a' * 999999).strip('b' * 99999 + 'a') }}", "{{ ('a' * 999999)|trim('b' * 99999 + 'a') }}",
        "{{ ('a' * 999999).rpartition('b' + 'a' * 99999) }}"}) {
    EXPECT_THAT(refusal(source), HasSubstr("too many steps")) << source;
  }
}

// What is done with a text counts by its length: 999999 / 64 steps each, a hundred times.
TEST(JinjaLimitsTest, WorkOnLongTextsEnds) {
  const auto few_steps = [](const std::string& source) { return refusal(source, base::Json::object(), 200'000); };
  const std::string long_texts =
      "{% set a = 'a' * 999999 %}{% set b = 'a' * 999999 %}{% set c = ' ' * 999999 %}{% for i in range(100) %}";
  for (const char* use :
       {"a == b", "a < b", "a != b", "[a] == [b]", "a.count('b')", "a.replace('b', '')", "a.partition('b')",
        "a.startswith(b)", "a.endswith((b, 'b'))", "c.strip()", "c.isspace()", "a.isalpha()", "c|trim",
        "a|replace('b', '')", "[a, 'b']|min", "a.splitlines()", "a.removeprefix('b')"}) {
    EXPECT_THAT(few_steps(long_texts + "{% set x = " + use + " %}{% endfor %}"), HasSubstr("too many steps")) << use;
  }
  EXPECT_THAT(few_steps(long_texts + "{% set x = a == 'a' %}{% endfor %}"), HasSubstr("rendered: "));
}

}  // namespace
}  // namespace trireme::jinja
