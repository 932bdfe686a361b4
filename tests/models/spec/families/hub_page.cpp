#include "tests/models/spec/families/hub_page.hpp"

#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/properties.hpp"

namespace trireme::spec {
namespace {

using base::str;

/// "model.hidden"
std::string key_of(const HubTarget& target) {
  std::string name;
  for_each_property([&](const auto& property) {
    using Value = std::remove_cvref_t<decltype(std::declval<ModelConfig>().*property.kValue)>;
    if constexpr (std::is_constructible_v<HubTarget, Value ModelConfig::*>) {
      const Value ModelConfig::*member = property.kValue;
      if (target == HubTarget(const_cast<Value ModelConfig::*>(member))) name = str("`model.", property.name, "`");
    }
  });
  return name;
}

std::string meaning_of(const HubField& field) {
  switch (field.use) {
    case HubUse::kCode: return field.about;
    case HubUse::kIgnored: return str("ignored: ", field.about);
    case HubUse::kFixed:
      return field.value.is_null() ? str("refused: ", field.about)
                                   : str("must be ", shown(field.value), ": ", field.about);
    case HubUse::kRead: break;
  }
  std::vector<std::string> keys;
  for (const HubTarget& target : field.targets) keys.push_back(key_of(target));
  std::string text = base::join(keys);
  if (!field.value.is_null()) text += str("; absent: ", shown(field.value));
  if (field.value.is_null() && !field.nullable) text += "; required";
  if (field.nullable) text += str("; ", field.about);
  return text;
}

std::string table(const std::vector<HubField>& fields) {
  std::string text = "| field | what becomes of it |\n|---|---|\n";
  for (const HubField& field : fields) text += str("| `", field.name, "` | ", meaning_of(field), " |\n");
  return text;
}

}  // namespace

std::string hub_page() {
  std::string page =
      "# Fields of config.json\n\n"
      "<!-- Generated from the tables of models/spec/families: edit those, then `build/tests/hub_page > "
      "docs/hub_fields.md`. A test compares. -->\n\n"
      "What `trireme import` and `model.init_from` make of each field, by `model_type` ([public models](hub.md)). A "
      "field "
      "that is in none of the tables is refused by name, unless it is null or empty, or its name begins with an "
      "underscore, as those do that transformers notes for itself. A field that is absent has the "
      "value "
      "that transformers 5 gives it. Activation functions are gelu, gelu_python (both exact), gelu_new, "
      "gelu_pytorch_tanh, gelu_python_tanh, gelu_fast, gelu_accurate (all with tanh), silu, swish and relu.\n\n"
      "## All models\n\n";
  page += table(common_hub_fields());
  for (const Family& family : families()) {
    page += str("\n## Family ", family.name, "\n");
    for (const HubClass& kind : family.hub_classes()) {
      std::vector<std::string> classes = {kind.language_model, kind.base_model};
      classes.insert(classes.end(), kind.also.begin(), kind.also.end());
      page += str("\n### ", kind.model_type, "\n", base::join(classes), "\n\n", table(kind.fields));
    }
  }
  return page;
}

}  // namespace trireme::spec
