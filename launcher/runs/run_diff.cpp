#include "launcher/runs/run_diff.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/lines.hpp"
#include "base/own_file.hpp"
#include "base/words.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/number.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/record/attempt_record.hpp"
#include "launcher/run_directory/metrics_line.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/run_directory/run_summary.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;
using Map = std::map<std::string, std::string>;

struct Side {
  Map options, program, data, machine;
  std::vector<std::pair<std::string, std::string>> results;
};

struct Lowest {
  std::optional<double> valid_loss;
  std::int64_t valid_step = 0;
};

// The lowest validation loss in a file of any size.
Lowest lowest_of(base::FileSystem& files, const Path& run) {
  Lowest lowest;
  const Path path = run / "metrics.jsonl";
  if (!files.exists(path)) return lowest;
  const auto file = files.open_own(path, base::OpenMode::kRead);
  base::LineReader lines(*file);
  for (base::Line line; lines.next(line);) {
    if (!line.whole) continue;
    const auto known = read_metrics_line(line.text);
    if (!known || !known->validated) continue;
    const base::Json json = parse_metrics_line(line.text);
    if (!json.is_object() || !json.contains("valid_loss") || !json.at("valid_loss").is_number()) continue;
    const double loss = json.at("valid_loss").get<double>();
    if (lowest.valid_loss && *lowest.valid_loss <= loss) continue;
    lowest.valid_loss = loss;
    lowest.valid_step = known->step;
  }
  return lowest;
}

std::string loss_text(const std::optional<double>& loss) { return loss ? options::format_number(*loss) : ""; }

void read_results(base::FileSystem& files, const Path& run, Side& side) {
  const RunFacts facts = read_run(files, run);
  const RunSummary summary = summarise(facts, {}, base::wall_time());
  const Lowest lowest = lowest_of(files, run);
  side.results = {
      {"state", summary.state + (summary.note.empty() ? "" : ": " + summary.note)},
      {"attempts", std::to_string(summary.attempt)},
      {"step", str(summary.step, summary.steps > 0 ? str(" of ", summary.steps) : "")},
      {"newest loss", loss_text(facts.newest ? facts.newest->loss : std::nullopt)},
      {"lowest validation loss",
       lowest.valid_loss ? str(loss_text(lowest.valid_loss), " (step ", lowest.valid_step, ")") : ""},
      {"tokens/s",
       facts.newest && facts.newest->tokens_per_second > 0 ? format_count(facts.newest->tokens_per_second) : ""},
      {"device hours", format_device_hours(summary.device_hours, summary.gpus)}};
}

Map options_in(const std::string& text, const std::string& origin) {
  Map options = options::to_map(options::parse_run_options(text, origin));
  for (const char* key : {"run.name", "run.dir", "run.pause_at"}) options.erase(key);
  return options;
}

void take_record(const AttemptRecord& record, Side& side) {
  side.program = record.libraries;
  side.program["trireme"] = record.version + (record.commit.empty() ? "" : " (commit " + record.commit + ")");
  for (std::size_t i = 0; i < record.datasets.size(); ++i) {
    const DatasetRecord& one = record.datasets[i];
    const auto before = std::count_if(record.datasets.begin(), record.datasets.begin() + static_cast<std::ptrdiff_t>(i),
                                      [&](const DatasetRecord& other) { return other.key == one.key; });
    side.data[str(one.key, " ", before + 1)] = str(one.name, " (", one.fingerprint, ")");
  }
  side.data["tokenizer"] = record.tokenizer;
  side.machine = {{"device", record.device},
                  {"CPU", record.cpu.text()},
                  {"ranks", str(record.ranks, " (", record.ranks_per_node, " a node)")},
                  {"threads of a rank", std::to_string(record.threads)}};
  for (const auto& [name, value] : record.environment) side.machine[name] = value;
}

Side read_side(base::FileSystem& files, const Path& run) {
  if (!is_run_directory(files, run)) {
    throw base::InputError(str(run.string(), " is no run directory: it holds no run.ini, attempts.jsonl or lease"));
  }
  Side side;
  const auto records = read_attempt_records(files, run, base::Trust::kContent);
  if (!records.empty()) {
    take_record(records.back(), side);
    side.options = options_in(records.back().options, str("the record of ", run.string()));
  } else if (files.exists(run / "run.ini")) {
    side.options = options_in(base::read_own(files, run / "run.ini"), (run / "run.ini").string());
  }
  read_results(files, run, side);
  return side;
}

void add_differences(const std::string& kind, const Map& a, const Map& b, std::vector<RunDifference>& found) {
  Map all = a;
  all.insert(b.begin(), b.end());
  for (const auto& [key, value] : all) {
    const auto one = a.find(key), other = b.find(key);
    RunDifference difference{kind, key, one == a.end() ? "" : one->second, other == b.end() ? "" : other->second};
    if (difference.a != difference.b) found.push_back(std::move(difference));
  }
}

}  // namespace

std::vector<RunDifference> diff_runs(base::FileSystem& files, const Path& a, const Path& b) {
  const Side one = read_side(files, a), other = read_side(files, b);
  std::vector<RunDifference> found;
  add_differences("option", one.options, other.options, found);
  add_differences("data", one.data, other.data, found);
  add_differences("program", one.program, other.program, found);
  add_differences("machine", one.machine, other.machine, found);
  for (std::size_t i = 0; i < one.results.size(); ++i) {
    found.push_back({"result", one.results[i].first, one.results[i].second, other.results[i].second});
  }
  return found;
}

}  // namespace trireme::launcher
