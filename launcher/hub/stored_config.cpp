#include "launcher/hub/stored_config.hpp"

#include "launcher/options/model.hpp"

namespace trireme::launcher {

spec::ModelConfig stored_config(const std::string& run_file, const std::string& origin) {
  const options::RunOptions stored = options::parse_run_options(run_file, origin);
  options::ModelSection model = options::stored_model(stored.model);
  options::complete_model(model, {});  // version 0.1 stored fewer properties
  return options::config_of(model);
}

}  // namespace trireme::launcher
