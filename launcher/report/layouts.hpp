// The layouts that runs had, for the drawings of a report: mesh and pipeline.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "collectives/topology/mesh.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/run_directory/run_facts.hpp"

namespace trireme::launcher {

/// Reads "tp2·pp2", as topology::to_string() writes it; nothing for other texts ("1 rank" has all degrees 1).
std::optional<topology::Degrees> parse_degrees(const std::string& text);

/// {"text","degrees":{tp,cp,dp,pp},"attempt_count","attempts":[[first,last],…],"pipeline":{…}} for each layout of the
/// run's attempts, the newest one last; of very many layouts and ranges of attempts the newest 100. The pipeline
/// (pipeline_json) is that of `options`, which the newest attempt had: older ones are without it.
base::Json layouts_json(const RunFacts& facts, const options::RunOptions& options);

}  // namespace trireme::launcher
