// One function for each file of this folder.
#pragma once

#include "models/spec/families/family.hpp"

namespace trireme::spec {

Family gpt2();
Family llama();
Family qwen();
Family gemma();
Family bert();
Family olmo2();

/// config.json of the models that the family llama has (llama_hub.cpp).
std::vector<HubClass> llama_hub_classes();

}  // namespace trireme::spec
