#include "launcher/commands/checkpoint/public_names.hpp"

#include "base/error.hpp"
#include "launcher/options/model.hpp"
#include "models/spec/families/family.hpp"

namespace trireme::launcher {

std::string words_of(const PublicPlace& place) {
  const std::string part = place.parts > 1 ? base::str("part ", place.part, " of ", place.parts) : "";
  if (!place.transposed) return part.empty() ? "as here" : part;
  return part.empty() ? "transposed" : part + ", transposed";
}

std::map<std::string, PublicPlace> public_places(const std::string& run_file) {
  const options::RunOptions stored = options::parse_run_options(run_file, "the checkpoint's options");
  options::ModelSection model = options::stored_model(stored.model);
  options::complete_model(model, {});  // version 0.1 stored fewer properties
  std::map<std::string, PublicPlace> places;
  for (const spec::PublicTensor& tensor : spec::public_tensors(spec::make_plan(options::config_of(model)))) {
    for (std::size_t part = 0; part < tensor.parts.size(); ++part) {
      places[tensor.parts[part]] = {tensor.name, part + 1, tensor.parts.size(), tensor.transposed};
    }
  }
  return places;
}

}  // namespace trireme::launcher
