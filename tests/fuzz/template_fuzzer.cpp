// Any text as a chat template, over a conversation that has every kind of value. It renders the same twice or is
// refused the same twice, within its limits.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "io/jinja/template.hpp"

namespace {

using trireme::jinja::Limits;
using trireme::jinja::Template;

constexpr std::size_t kOutput = 1 << 20;

const trireme::base::Json& variables() {
  static const auto json = trireme::base::Json::parse(R"({
    "messages": [{"role": "system", "content": "be \u00e4 \ud83d\ude00"}, {"role": "user", "content": " a\n b "},
                 {"role": "assistant", "content": "<think>x</think>y", "tool_calls": [{"function": {"name": "f"}}]},
                 {"role": "tool", "content": [{"type": "text", "text": "t"}, null, 1, 2.5, true]}],
    "tools": null, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true})");
  return json;
}

std::string outcome(const std::string& source) {
  Limits limits;
  limits.steps = 200'000;
  limits.memory = 16 << 20;
  limits.output = kOutput;
  try {
    return "+" + Template::parse(source, "template", limits).render(variables(), 1'700'000'000);
  } catch (const trireme::base::InputError& error) {
    return std::string("-") + error.what();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string source(reinterpret_cast<const char*>(data), size);
  const std::string first = outcome(source);
  if (first.size() > kOutput + 1 || first != outcome(source)) std::abort();
  return 0;
}
