#include "launcher/commands/checkpoint/public_names.hpp"

#include "base/error.hpp"
#include "launcher/hub/stored_config.hpp"
#include "models/spec/families/family.hpp"

namespace trireme::launcher {

std::string words_of(const PublicPlace& place) {
  const std::string part = place.parts > 1 ? base::str("part ", place.part, " of ", place.parts) : "";
  if (!place.transposed) return part.empty() ? "as here" : part;
  return part.empty() ? "transposed" : part + ", transposed";
}

std::map<std::string, PublicPlace> public_places(const std::string& run_file) {
  const spec::ModelConfig model = stored_config(run_file, "the checkpoint's options");
  std::map<std::string, PublicPlace> places;
  for (const spec::PublicTensor& tensor : spec::public_tensors(spec::make_plan(model))) {
    for (std::size_t part = 0; part < tensor.parts.size(); ++part) {
      places[tensor.parts[part]] = {tensor.name, part + 1, tensor.parts.size(), tensor.transposed};
    }
  }
  return places;
}

}  // namespace trireme::launcher
