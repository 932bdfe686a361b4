// Tables for docs/options.md of what the families of models, and the published models, have where nobody says
// otherwise.
#pragma once

#include <string>

namespace trireme::options {

/// A section in Markdown: the families, and the defaults in which they differ. A default that depends on model.hidden
/// is written as a formula.
std::string family_section();

/// A section in Markdown: the presets with their sizes, and what else tells them from their family's defaults.
std::string preset_section();

}  // namespace trireme::options
