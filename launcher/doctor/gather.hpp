// Gathers and shares texts.
#pragma once

#include <string>
#include <vector>

#include "collectives/communicator.hpp"

namespace trireme::doctor {

/// Collective: returns every rank's text, in rank order, on rank 0; nothing on the others.
std::vector<std::string> gather_texts(collectives::Communicator& control, const std::string& text);

}  // namespace trireme::doctor
