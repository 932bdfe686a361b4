// What `trireme eval` says about datasets: numbers from sums, as JSON and for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace trireme::launcher {

/// The loss of a model on some samples.
struct DatasetLoss {
  std::string name;
  double loss_sum = 0.0;  ///< nats, over all targets
  std::int64_t targets = 0;
  std::uint64_t samples = 0;
  std::optional<std::uint64_t> bytes;  ///< of the targets' text; nothing where the model does not predict all of a text
  std::uint64_t left_out = 0;          ///< tokens behind the last whole sample, where all samples were read

  /// Nats per target; 0 without targets.
  double loss() const;
  double perplexity() const;
  /// loss_sum / ln 2 / bytes; nothing without bytes.
  std::optional<double> bits_per_byte() const;
};

/// All of them together, named "all".
DatasetLoss sum_of(const std::vector<DatasetLoss>& datasets);

/// {"loss", "perplexity", "bits_per_byte", "tokens", "bytes", "samples", "left_out"}: of all datasets together, and
/// "datasets" with the same members and the name of each.
base::Json losses_json(const std::vector<DatasetLoss>& datasets);

/// For one dataset a line for each number, for several a table with a row for each and one for all.
std::string losses_text(const std::vector<DatasetLoss>& datasets);

}  // namespace trireme::launcher
