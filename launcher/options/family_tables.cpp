#include "launcher/options/family_tables.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/model.hpp"
#include "launcher/options/number.hpp"
#include "models/spec/cost.hpp"
#include "models/spec/families/family.hpp"

namespace trireme::options {
namespace {

using base::str;

// The words of models/spec/properties.hpp for a default that depends on nothing but the family.
constexpr const char* kFamilyDefault = "the family's";

// How families let a default follow from hidden.
struct Formula {
  const char* words;
  double (*of)(std::int64_t hidden);
};
constexpr std::array kFormulas{
    Formula{"4 hidden", [](std::int64_t hidden) { return static_cast<double>(4 * hidden); }},
    Formula{"8/3 hidden", [](std::int64_t hidden) { return static_cast<double>(spec::gated_width(hidden)); }},
    Formula{"sqrt(hidden)", [](std::int64_t hidden) { return std::sqrt(static_cast<double>(hidden)); }}};

// The key's value in a model of which only family and hidden are given, with heads of 64 elements.
std::string default_at(const std::string& family, const Key& key, std::int64_t hidden) {
  RunOptions options;
  options.model.arch = family;
  options.model.hidden = hidden;
  options.model.heads = hidden / 64;
  complete_model(options.model, {});
  return value_of(options, key).value_or("-");
}

std::string default_words_of(const std::string& family, const Key& key) {
  constexpr std::array<std::int64_t, 3> kSizes{768, 1024, 2560};
  const auto is_everywhere = [&](const auto& expected) {
    return std::ranges::all_of(
        kSizes, [&](std::int64_t hidden) { return default_at(family, key, hidden) == expected(hidden); });
  };
  std::string first = default_at(family, key, kSizes[0]);
  if (is_everywhere([&](std::int64_t) -> const std::string& { return first; })) return first;
  for (const Formula& formula : kFormulas) {
    if (is_everywhere([&](std::int64_t hidden) { return format_number(formula.of(hidden)); })) return formula.words;
  }
  return str(first, " at hidden ", kSizes[0]);
}

std::string row_of(const std::vector<std::string>& cells) { return "| " + base::join(cells, " | ") + " |\n"; }

std::string rule_of(std::size_t columns) {
  std::string rule = "|";
  for (std::size_t c = 0; c < columns; ++c) rule += "---|";
  return rule + "\n";
}

bool is_model_key(const Key& key) {
  return key.section == "model" && key.name != "preset" && key.name != "init_from" && key.name != "arch";
}

// Keys with a column of their own in the table of presets.
bool is_size(const Key& key) {
  constexpr std::array kSizes{"layers", "hidden", "heads", "kv_heads", "head_size", "ffn", "sequence", "vocab"};
  return std::ranges::find(kSizes, key.name) != kSizes.end();
}

// "qk_norm = none, qkv_bias = true": where the model is not as its family's defaults at the same sizes.
std::string differences_of(const std::string& preset) {
  RunOptions published, family;
  published.model.preset = preset;
  complete_model(published.model, {});
  family.model.arch = published.model.arch;
  family.model.hidden = published.model.hidden;
  family.model.heads = published.model.heads;
  complete_model(family.model, {});
  std::vector<std::string> differences;
  for (const Key& key : key_table()) {
    if (!is_model_key(key) || is_size(key)) continue;
    const auto value = value_of(published, key);
    if (value != value_of(family, key)) differences.push_back(str("`", key.name, " = ", value.value_or("-"), "`"));
  }
  return base::join(differences, ", ");
}

}  // namespace

std::string family_section() {
  std::string text = "\n## Families\n`model.arch` names a family; [models](models.md) explains them.\n\n";
  text += row_of({"arch", "models"}) + rule_of(2);
  for (const spec::Family& family : spec::families()) text += row_of({str("`", family.name, "`"), family.about});

  text +=
      "\nFamilies differ in these defaults; what a preset or a checkpoint to start from has comes first. A list is\n"
      "repeated over the layers. 8/3 hidden is rounded up to a multiple of 256.\n\n";
  std::vector<std::string> header = {"key"};
  for (const std::string& name : spec::family_names()) header.push_back(name);
  text += row_of(header) + rule_of(header.size());
  std::vector<std::string> common;
  for (const Key& key : key_table()) {
    if (!is_model_key(key)) continue;
    std::vector<std::string> row = {str("`", key.name, "`")};
    for (const std::string& name : spec::family_names()) row.push_back(default_words_of(name, key));
    if (std::count(row.begin() + 1, row.end(), row[1]) < static_cast<std::ptrdiff_t>(row.size()) - 1) {
      text += row_of(row);
    } else if (key.default_words == kFamilyDefault) {
      common.push_back(str("`", key.name, " = ", row[1], "`"));
    }
  }
  return text + "\nTheir other defaults are the same today: " + base::join(common, ", ") + ".\n";
}

std::string preset_section() {
  std::string text = "\n## Presets\nThe last column says what else differs from the family's defaults.\n\n" +
                     row_of({"preset", "arch", "parameters", "layers", "hidden", "heads", "kv_heads", "head_size",
                             "ffn", "sequence", "vocab", "and"}) +
                     rule_of(12);
  for (const std::string& name : spec::preset_names()) {
    const spec::ModelConfig model = *spec::preset(name);
    std::vector<std::string> row = {name, model.arch, std::to_string(spec::parameter_count(spec::make_plan(model)))};
    for (const std::int64_t size : {model.layers, model.hidden, model.heads, model.kv_heads, model.head_size, model.ffn,
                                    model.sequence, model.vocab}) {
      row.push_back(std::to_string(size));
    }
    row.push_back(differences_of(name));
    text += row_of(row);
  }
  return text;
}

}  // namespace trireme::options
