#include "io/jinja/template.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"

namespace trireme::jinja {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string render(const std::string& source, const std::string& variables = "{}") {
  return Template::parse(source, "t.jinja").render(base::Json::parse(variables), 0);
}

std::string refusal(const std::string& source, const std::string& variables = "{}") {
  try {
    return "rendered: " + render(source, variables);
  } catch (const base::InputError& error) {
    return error.what();
  }
}

TEST(TemplateTest, RendersWhatTheVariablesSay) {
  EXPECT_EQ(render("{% for m in messages %}<{{ m.role }}>{{ m['content'] }}\n{% endfor %}",
                   R"({"messages": [{"role": "user", "content": "ä"}, {"role": "bot", "content": ""}]})"),
            "<user>ä\n<bot>\n");
}

TEST(TemplateTest, OneTemplateRendersManyTimes) {
  const Template parsed = Template::parse("{% set ns = namespace(n=0) %}{% set ns.n = ns.n + x %}{{ ns.n }}", "t");
  for (int x = 0; x < 3; ++x) EXPECT_EQ(parsed.render({{"x", x}}, 0), std::to_string(x));
}

TEST(TemplateTest, AnErrorNamesTemplateAndLine) {
  EXPECT_EQ(refusal("a\n{{ missing.x }}"), "t.jinja, line 2: 'missing' is undefined");
  EXPECT_EQ(refusal("{{ 1 }}\n\n{{ raise_exception('no ' ~ 5) }}"), "t.jinja, line 3: the template refuses: no 5");
  EXPECT_EQ(refusal("a\nb\n{% if x %}"), "t.jinja, line 3: a block has no end: {% endif %} is missing");
  EXPECT_THAT(refusal("{{ x\n\n| nosuch }}"), StartsWith("t.jinja, line 3: the filter 'nosuch'"));
}

TEST(TemplateTest, UnsupportedConstructsAreNamed) {
  for (const char* tag :
       {"include 'x'", "import 'x' as y", "from 'x' import y", "extends 'x'", "block x", "autoescape true", "do x"}) {
    const std::string word = std::string(tag).substr(0, std::string(tag).find(' '));
    EXPECT_EQ(refusal("\n{% " + std::string(tag) + " %}"), "t.jinja, line 2: {% " + word + " %} is not supported");
  }
  EXPECT_THAT(refusal("{% for x in y recursive %}{% endfor %}"), HasSubstr("recursive"));
  EXPECT_THAT(refusal("{{ 'a'|wordcount }}"), HasSubstr("'wordcount' is not supported"));
  EXPECT_THAT(refusal("{{ 'a'.swapcase() }}"), HasSubstr("str.swapcase is not supported"));
  EXPECT_THAT(refusal("{{ [].append(1) }}"), HasSubstr("list.append"));
  EXPECT_THAT(refusal("{{ ''.__class__ }}"), HasSubstr("__class__"));
  EXPECT_THAT(refusal("{{ 'é'.isalpha() }}"), HasSubstr("beyond ASCII"));
  EXPECT_THAT(refusal("{{ '\\N{DASH}' }}"), HasSubstr("\\N"));
  EXPECT_THAT(refusal("{{ x[1, 2] }}"), HasSubstr("several parts"));
}

TEST(TemplateTest, NumbersBeyond64BitsAreRefused) {
  for (const char* expression :
       {"9223372036854775807 + 1", "-9223372036854775807 - 2", "9223372036854775807 * 2", "2 ** 63", "2 ** 99999999999",
        "9223372036854775808", "-(-9223372036854775807 - 1)", "(-9223372036854775807 - 1) // -1",
        "'99999999999999999999'|int", "1e30|int", "(-9223372036854775807 - 1)|abs", "'%d' % 1e30", "3 ** 41"}) {
    EXPECT_THAT(refusal("{{ " + std::string(expression) + " }}"), HasSubstr("64 bits")) << expression;
  }
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}"), "0");
  EXPECT_THAT(refusal("{{ x }}", R"({"x": 18446744073709551615})"), HasSubstr("64 bits"));
}

TEST(TemplateTest, SourcesThatAreNoTextAreRefused) {
  EXPECT_EQ(refusal("a\xFF"), "t.jinja is no UTF-8 text");
  EXPECT_EQ(refusal("\xED\xA0\x80"), "t.jinja is no UTF-8 text");
  EXPECT_EQ(refusal(std::string(Limits().source + 1, 'a')),
            "t.jinja is longer than the 1048576 bytes that a template may have");
  EXPECT_EQ(render(std::string("a\0b{{ 1 }}", 10)), std::string("a\0b1", 4));
}

TEST(TemplateTest, TimeIsLocalAndFormatsAreBounded) {
  EXPECT_EQ(render("{{ strftime_now('%Y') ~ strftime_now('') }}"), render("{{ strftime_now('%Y') }}"));
  EXPECT_THAT(refusal("{{ strftime_now('%99999d') }}"), HasSubstr("very long"));
}

}  // namespace
}  // namespace trireme::jinja
