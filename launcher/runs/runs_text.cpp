#include "launcher/runs/runs_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/error.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

using base::str;

std::string minute(double seconds) { return seconds > 0 && seconds <= 1e11 ? format_local_minute(seconds) : "-"; }

std::string loss_text(const std::optional<double>& loss) {
  if (!loss) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", *loss);
  return text;
}

}  // namespace

void sort_runs(std::vector<IndexedRun>& runs, const std::string& by) {
  if (by == "when") std::ranges::stable_sort(runs, std::greater{}, &IndexedRun::when);
  if (by == "loss") {
    const auto loss = [](const IndexedRun& run) {
      return run.loss && !std::isnan(*run.loss) ? *run.loss : std::numeric_limits<double>::infinity();
    };
    std::ranges::stable_sort(runs, std::less{}, loss);
  }
}

std::string runs_table(const std::vector<IndexedRun>& runs) {
  std::vector<std::vector<std::string>> rows = {{"run", "who", "state", "step", "loss", "when", "note"}};
  for (const IndexedRun& run : runs) {
    rows.push_back({run.path, run.user, run.state, run.steps > 0 ? str(run.step, "/", run.steps) : str(run.step),
                    loss_text(run.loss), minute(run.when), run.note});
  }
  return format_table(rows, {.right = {3, 4}, .spare = {6, 5, 1}});
}

base::Json to_json(const IndexedRun& run) {
  base::Json datasets = base::Json::array();
  for (const IndexedDataset& one : run.datasets)
    datasets.push_back({{"name", one.name}, {"fingerprint", one.fingerprint}});
  base::Json json = {{"run", run.path},  {"user", run.user},    {"state", run.state},     {"note", run.note},
                     {"step", run.step}, {"steps", run.steps},  {"attempt", run.attempt}, {"finished", run.finished},
                     {"when", run.when}, {"datasets", datasets}};
  if (run.loss) json["loss"] = *run.loss;
  base::Json options = base::Json::object();
  for (std::size_t at = 0; at < run.options.size();) {
    const std::size_t end = std::min(run.options.find('\n', at), run.options.size());
    const std::string line = run.options.substr(at, end - at);
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) options[line.substr(0, equals)] = line.substr(equals + 1);
    at = end + 1;
  }
  json["options"] = options;
  return json;
}

std::string diff_table(const std::vector<RunDifference>& differences, const std::string& a, const std::string& b) {
  std::vector<std::vector<std::string>> rows = {{"", "", a, b}};
  for (const RunDifference& one : differences) {
    rows.push_back({one.kind, one.what, one.a.empty() ? "-" : one.a, one.b.empty() ? "-" : one.b});
  }
  return format_table(rows);
}

base::Json to_json(const RunDifference& difference) {
  return {{"kind", difference.kind}, {"what", difference.what}, {"a", difference.a}, {"b", difference.b}};
}

}  // namespace trireme::launcher
