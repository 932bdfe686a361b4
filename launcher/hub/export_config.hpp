// config.json of an exported model.
#pragma once

#include <optional>
#include <string>

#include "io/safetensors/element_type.hpp"
#include "launcher/hub/directory.hpp"
#include "models/spec/config.hpp"

namespace trireme::launcher {

/// The recorded text while the checkpoint's model is the one that it describes and no other type is asked for; else the
/// same members with those changed that must be (a vocabulary that has grown, another rope_theta, dtype). An import of
/// the result is the checkpoint's model: throws base::InputError when the record's config cannot be made to say it.
std::string exported_config(const spec::ModelConfig& model, const HubDirectory& recorded,
                            std::optional<safetensors::ElementType> type);

/// config.json of a model without a record.
std::string new_config(const spec::ModelConfig& model, safetensors::ElementType type);

}  // namespace trireme::launcher
