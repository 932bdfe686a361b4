#include "launcher/inference/dataset_loss.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "base/error.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

std::string fixed(const char* format, double value) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string bits_text(const DatasetLoss& loss) {
  return loss.bits_per_byte() ? fixed("%.4f", *loss.bits_per_byte()) : "-";
}

base::Json numbers_of(const DatasetLoss& loss) {
  const auto bits = loss.bits_per_byte();
  return {{"loss", loss.loss()},
          {"perplexity", loss.perplexity()},
          {"bits_per_byte", bits ? base::Json(*bits) : base::Json()},
          {"tokens", loss.targets},
          {"bytes", loss.bytes ? base::Json(*loss.bytes) : base::Json()},
          {"samples", loss.samples},
          {"left_out", loss.left_out}};
}

}  // namespace

double DatasetLoss::loss() const { return targets == 0 ? 0.0 : loss_sum / static_cast<double>(targets); }

double DatasetLoss::perplexity() const { return std::exp(loss()); }

std::optional<double> DatasetLoss::bits_per_byte() const {
  if (!bytes || *bytes == 0) return std::nullopt;
  return loss_sum / std::numbers::ln2 / static_cast<double>(*bytes);
}

DatasetLoss sum_of(const std::vector<DatasetLoss>& datasets) {
  DatasetLoss all;
  all.name = "all";
  all.bytes = 0;
  for (const DatasetLoss& one : datasets) {
    all.loss_sum += one.loss_sum;
    all.targets += one.targets;
    all.samples += one.samples;
    all.left_out += one.left_out;
    all.bytes = all.bytes && one.bytes ? std::optional(*all.bytes + *one.bytes) : std::nullopt;
  }
  return all;
}

base::Json losses_json(const std::vector<DatasetLoss>& datasets) {
  base::Json json = numbers_of(sum_of(datasets));
  json["datasets"] = base::Json::array();
  for (const DatasetLoss& one : datasets) {
    base::Json entry = {{"name", one.name}};
    entry.update(numbers_of(one));
    json["datasets"].push_back(entry);
  }
  return json;
}

std::string losses_text(const std::vector<DatasetLoss>& datasets) {
  if (datasets.size() == 1) {
    const DatasetLoss& one = datasets.front();
    return base::str("loss        ", fixed("%.6f", one.loss()), "\nperplexity  ", fixed("%.4f", one.perplexity()),
                     "\nbits/byte   ", bits_text(one), "\ntokens      ", one.targets, " in ", one.samples,
                     " samples\n");
  }
  std::vector<std::vector<std::string>> rows = {{"dataset", "loss", "perplexity", "bits/byte", "tokens", "samples"}};
  std::vector<DatasetLoss> all = datasets;
  all.push_back(sum_of(datasets));
  for (const DatasetLoss& one : all) {
    rows.push_back({one.name, fixed("%.6f", one.loss()), fixed("%.4f", one.perplexity()), bits_text(one),
                    base::str(one.targets), base::str(one.samples)});
  }
  return format_table(rows, {.right = {1, 2, 3, 4, 5}});
}

}  // namespace trireme::launcher
