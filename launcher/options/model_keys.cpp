#include "launcher/options/model_keys.hpp"

#include <type_traits>

#include "models/spec/families/family.hpp"
#include "models/spec/properties.hpp"
#include "models/spec/words.hpp"

namespace trireme::options {
namespace {

// What was given of a member of the section.
template <auto Given>
auto& given(RunOptions& options) {
  return options.model.*Given;
}

// The words of a property that is a choice, or a list of choices.
template <typename Value>
std::vector<std::string> words_of(const Value*) {
  if constexpr (std::is_enum_v<Value>) return spec::words_of<Value>();
  return {};
}
template <typename Value>
std::vector<std::string> words_of(const std::vector<Value>*) {
  return words_of(static_cast<const Value*>(nullptr));
}

}  // namespace

void add_model_keys(std::vector<Key>& keys) {
  keys.push_back({"model", "preset", &given<&ModelSection::preset>, "",
                  "a published model (below); keys given beside it win", "-", spec::preset_names()});
  keys.push_back({"model", "init_from", &given<&ModelSection::init_from>, "",
                  "start from the weights and sizes of a checkpoint (a step or run directory) or of a public model (a "
                  "Hugging Face directory); fresh optimizer, step 0"});
  keys.push_back({"model", "arch", &given<&ModelSection::arch>, "",
                  "family of models, which the defaults below are of (docs/models.md)", "the preset's, else llama",
                  spec::family_names()});
  spec::for_each_property([&](const auto& property) {
    using Property = std::remove_cvref_t<decltype(property)>;
    using Value = std::remove_cvref_t<decltype(std::declval<spec::ModelConfig&>().*Property::kValue)>;
    keys.push_back({"model", property.name, &given<Property::kGiven>, property.unit, property.help,
                    property.default_words, words_of(static_cast<const Value*>(nullptr)), property.low, property.high,
                    property.low_excluded, property.high_excluded});
  });
}

}  // namespace trireme::options
