// trireme plot: curves of runs in the terminal.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/terminal.hpp"
#include "base/words.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/console/plot_page.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/run_directory/metrics_series.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/run_directory/trained_hours.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t kMostRuns = 8;  // as many as there are colours
constexpr const char* kValidation = "valid_loss";

struct Words {
  std::vector<std::string> runs;
  std::string metric = "loss";
  std::string x = "steps";
  std::int64_t smooth = 1, width = 0, height = 0;
  bool log = false, json = false;
};

Path metrics_of(base::FileSystem& files, const std::string& word) {
  if (!files.exists(word)) throw base::InputError(base::str("there is no run directory ", word));
  Path file = Path(word) / "metrics.jsonl";
  if (!is_run_directory(files, word) && !(files.is_directory(word) && files.exists(file))) {
    throw base::InputError(
        base::str(word, " is no run directory: it holds no run.ini, attempts.jsonl or metrics.jsonl"));
  }
  return file;
}

// A name that people know the run by.
std::string name_of(const std::string& word) {
  const Path path = std::filesystem::absolute(word).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

// Runs of one name are told apart by what the user wrote.
std::vector<std::string> names_of(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const std::string& word : words) names.push_back(name_of(word));
  std::vector<std::string> labels = names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::ranges::count(names, names[i]) > 1) labels[i] = words[i];
  }
  return labels;
}

// Where the rows lie on the axis; not finite where a line does not tell.
std::vector<double> places(base::FileSystem& files, const std::string& run, const MetricsSeries& series,
                           const std::string& axis) {
  if (axis == "tokens") return series.tokens;
  if (axis == "steps") return {series.steps.begin(), series.steps.end()};
  return trained_hours(series, start_times(read_run(files, run).attempts));
}

// `marks`: a validation's, drawn beside the losses.
PlottedCurve curve_of(const SeriesField& field, const std::vector<double>& places, const std::string& run,
                      std::size_t number, bool marks) {
  PlottedCurve curve{run, field.name, {}, {}, marks, number};
  for (std::size_t i = 0; i < field.rows.size(); ++i) {
    if (!std::isfinite(places[field.rows[i]])) continue;
    curve.x.push_back(places[field.rows[i]]);
    curve.y.push_back(field.values[i]);
  }
  return curve;
}

[[noreturn]] void fail_without(const std::string& metric, base::FileSystem& files,
                               const std::vector<std::string>& runs) {
  std::set<std::string> names;
  for (const std::string& run : runs) {
    for (const SeriesField& field : read_series(files, metrics_of(files, run)).fields) names.insert(field.name);
  }
  const std::string where = base::str(runs.front(), runs.size() > 1 ? " and the others" : "");
  if (names.empty()) throw base::Error(base::str("metrics.jsonl of ", where, " holds no numbers yet"));
  constexpr std::size_t kMostNames = 60;
  const std::string near = base::nearest(metric, names);
  std::vector<std::string> some(names.begin(), names.end());
  const bool all = some.size() <= kMostNames;
  if (!all) some.resize(kMostNames);
  throw base::InputError(base::str("no line of ", where, " has the metric ", metric,
                                   near.empty() ? "." : "; did you mean " + near + "?",
                                   " There are: ", base::join(some), all ? "" : ", …"));
}

// Curves, and the directories of the runs that have some.
struct Drawn {
  std::vector<PlottedCurve> curves;
  std::vector<std::string> directories;
};

Drawn read_curves(base::FileSystem& files, const Words& words) {
  std::vector<std::string> wanted = {words.metric};
  if (words.metric == "loss") wanted.emplace_back(kValidation);
  if (words.x == "hours") wanted.emplace_back("time");  // so that all lines count, whatever they hold
  const std::vector<std::string> names = names_of(words.runs);
  Drawn drawn;
  std::vector<std::string> without;
  for (std::size_t i = 0; i < words.runs.size(); ++i) {
    const MetricsSeries series = read_series(files, metrics_of(files, words.runs[i]), wanted);
    const SeriesField* field = series.find(words.metric);
    if (field == nullptr) {
      without.push_back(words.runs[i]);
      continue;
    }
    const std::vector<double> at = places(files, words.runs[i], series, words.x);
    const std::size_t number = drawn.directories.size();
    drawn.directories.push_back(words.runs[i]);
    drawn.curves.push_back(curve_of(*field, at, names[i], number, false));
    if (drawn.curves.back().x.empty()) {
      throw base::InputError(base::str("the lines of ", words.runs[i], " tell no ",
                                       words.x == "hours" ? "time" : words.x, ": use --x steps"));
    }
    const SeriesField* validations = words.metric == "loss" ? series.find(kValidation) : nullptr;
    if (validations != nullptr) drawn.curves.push_back(curve_of(*validations, at, names[i], number, true));
  }
  if (drawn.curves.empty()) fail_without(words.metric, files, words.runs);
  for (const std::string& run : without) base::print_note(base::str(run, " has no ", words.metric, " and is left out"));
  return drawn;
}

base::Json to_json(const std::vector<double>& values, bool whole) {
  constexpr double kExact = 9e15;  // doubles hold all whole numbers below it
  base::Json list = base::Json::array();
  for (const double value : values) {
    if (!std::isfinite(value)) {
      list.push_back(nullptr);
    } else if (whole && std::abs(value) < kExact && std::trunc(value) == value) {
      list.push_back(static_cast<std::int64_t>(value));
    } else {
      list.push_back(value);
    }
  }
  return list;
}

void answer_curves(const Drawn& drawn, const Words& words) {
  base::Json all = base::Json::array();
  for (const PlottedCurve& curve : drawn.curves) {
    all.push_back({{"run", curve.run},
                   {"directory", drawn.directories[curve.run_number]},
                   {"field", curve.field},
                   {"x", to_json(curve.x, words.x != "hours")},
                   {"y", to_json(curve.y, false)}});
  }
  base::answer_json({{"metric", words.metric}, {"x", words.x}, {"curves", all}});
}

}  // namespace

int plot_command(const Arguments& arguments) {
  Words words;
  options::CommandLine line("plot", "curves of runs as text, from their metrics.jsonl",
                            "trireme plot runs/bible\n"
                            "trireme plot runs/a runs/b --metric grad_norm --x hours --smooth 50 --log");
  line.value("metric", words.metric, "NAME", "any number of metrics.jsonl; with loss, validations are drawn as o");
  line.value("x", words.x, "AXIS", "steps, tokens, or hours of training").one_of({"steps", "tokens", "hours"});
  line.value("smooth", words.smooth, "N", "draw means of N values").range(1, 1e9);
  line.flag("log", words.log, "a logarithmic axis of values");
  line.value("width", words.width, "N", "columns; 0: the window's, elsewhere 80").range(0, 1000);
  line.value("height", words.height, "N", "rows of a panel; 0: 16, fewer where several runs have one each")
      .range(0, 200);
  line.flag("json", words.json, "the values instead of a drawing, as one JSON object");
  line.positionals("RUN", words.runs, "run directories, at most 8", 1);
  if (!line.parse(arguments)) return base::kExitDone;
  if (words.runs.size() > kMostRuns) {
    throw base::InputError(
        base::str(words.runs.size(), " runs: at most ", kMostRuns, " can be told apart; name fewer"));
  }
  if (words.json && (words.log || words.width > 0 || words.height > 0 || words.smooth > 1)) {
    throw base::InputError("--json gives the values as they are: leave out --smooth, --log, --width and --height");
  }
  base::PosixFileSystem files;
  const Drawn drawn = read_curves(files, words);
  if (words.json) {
    answer_curves(drawn, words);
    return base::kExitDone;
  }
  PageShape shape{.metric = words.metric, .x = words.x, .smooth = static_cast<std::size_t>(words.smooth)};
  shape.log_y = words.log;
  shape.colours = base::shows_colours(STDOUT_FILENO);
  shape.columns =
      words.width > 0 ? static_cast<std::size_t>(words.width) : base::terminal_columns(STDOUT_FILENO).value_or(80);
  shape.rows = static_cast<std::size_t>(words.height);
  const std::string page = plot_page(drawn.curves, shape);
  if (shape.colours) {
    base::control_terminal(page);  // names in it are printable already
  } else {
    base::answer_text(page);
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
