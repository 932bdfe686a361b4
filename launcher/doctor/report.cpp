#include "launcher/doctor/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.hpp"
#include "collectives/topology/placement.hpp"
#include "launcher/console/format.hpp"
#include "launcher/doctor/storage_habits.hpp"

namespace trireme::doctor {
namespace {

using base::str;
using launcher::format_bytes;
using Rows = std::vector<std::vector<std::string>>;

std::string rate_text(double rate) { return rate > 0 ? format_bytes(rate) + "/s" : "-"; }
std::string counted(std::size_t count, const char* word) { return str(count, " ", word, count == 1 ? "" : "s"); }

/// Rank -> the marks of all findings that name it.
std::map<int, std::string> marks_of(const std::vector<Finding>& findings) {
  std::map<int, std::string> marks;
  for (const Finding& finding : findings) {
    if (finding.mark.empty()) continue;
    for (const int rank : finding.ranks) {
      std::string& text = marks[rank];
      if (text.find(finding.mark) == std::string::npos) text += (text.empty() ? "! " : ", ") + finding.mark;
    }
  }
  return marks;
}

std::string left_out(std::size_t count, const char* word) {
  return count == 0 ? "" : str("… and ", counted(count, word), " without a mark (--json lists all)\n");
}

std::string rank_table(const Survey& survey, const std::map<int, std::string>& marks) {
  const bool gpus =
      std::any_of(survey.ranks.begin(), survey.ranks.end(), [](const Rank& r) { return r.gpu.has_value(); });
  Rows rows = {{"rank", "host", "CPUs", "memory"}};
  if (gpus) rows.front().insert(rows.front().end(), {"GPU", "its memory", "id"});
  rows.front().push_back("");
  std::size_t hidden = 0;
  for (const Rank& rank : survey.ranks) {
    const auto mark = marks.find(rank.rank);
    if (survey.ranks.size() > kRowsShown && mark == marks.end()) {
      ++hidden;
      continue;
    }
    std::vector<std::string> row = {std::to_string(rank.rank), rank.host, topology::cpu_list(rank.cpus),
                                    format_bytes(static_cast<double>(rank.memory_bytes))};
    if (gpus && rank.gpu) {
      row.insert(row.end(),
                 {rank.gpu->name, format_bytes(static_cast<double>(rank.gpu->memory_bytes)), rank.gpu->uuid});
    } else if (gpus) {
      row.insert(row.end(), {"none", "-", "-"});
    }
    row.push_back(mark == marks.end() ? "" : mark->second);
    rows.push_back(row);
  }
  return (rows.size() > 1 ? launcher::format_table(rows, {.right = {0}, .spare = {6, 5, 2, 3}}) : "") +
         left_out(hidden, "rank");
}

std::string clock_text(const Node& node) {
  char text[64];
  const double unit = std::abs(node.clock_seconds) < 1 ? 1e3 : 1;
  std::snprintf(text, sizeof text, "%+.3g %s", node.clock_seconds * unit, unit > 1 ? "ms" : "s");
  return text;
}

std::string node_table(const Survey& survey, const std::map<int, std::string>& marks) {
  Rows rows = {{"host", "ranks", "clock", "write", "read", ""}};
  std::size_t hidden = 0;
  for (const Node& node : survey.nodes) {
    const bool marked =
        std::any_of(node.ranks.begin(), node.ranks.end(), [&](int rank) { return marks.count(rank) > 0; });
    if (survey.nodes.size() > kRowsShown && !marked) {
      ++hidden;
      continue;
    }
    rows.push_back({node.host, topology::cpu_list(node.ranks), clock_text(node), rate_text(node.write_rate),
                    rate_text(node.read_rate), marked ? "!" : ""});
  }
  return (rows.size() > 1 ? launcher::format_table(rows, {.right = {2, 3, 4}, .spare = {1}}) : "") +
         left_out(hidden, "host");
}

std::string link_lines(const Survey& survey) {
  Rows rows = {{"over " + survey.transport, "links", "median", "slowest", "between"}};
  for (const LinkKind kind : {LinkKind::kWithinNode, LinkKind::kBetweenNodes}) {
    std::vector<double> rates;
    const Link* slowest = nullptr;
    for (const Link& link : survey.links) {
      if (link.kind != kind) continue;
      rates.push_back(link.rate);
      if (slowest == nullptr || link.rate < slowest->rate) slowest = &link;
    }
    if (slowest == nullptr) continue;
    rows.push_back({kind == LinkKind::kWithinNode ? "within a node" : "between nodes", std::to_string(rates.size()),
                    rate_text(upper_median(rates)), rate_text(slowest->rate),
                    str(places(survey, {slowest->first}), " and ", places(survey, {slowest->second}))});
  }
  std::string text = rows.size() > 1 ? launcher::format_table(rows, {.right = {1, 2, 3}, .spare = {1}}) : "";
  if (survey.all_reduce.seconds > 0) {
    const double bytes = static_cast<double>(survey.all_reduce.bytes);
    const double rate = bytes / survey.all_reduce.seconds;
    const double size = static_cast<double>(survey.ranks.size());
    text += str("all-reduce over ", survey.transport, ": ", format_bytes(bytes), " in ",
                launcher::format_duration(survey.all_reduce.seconds), ", ", rate_text(rate), " (",
                rate_text(rate * 2 * (size - 1) / size), " through each rank)\n");
  }
  if (survey.rounds_measured < survey.rounds_planned) {
    text += str("links: time was over after ", survey.rounds_measured, " of ", survey.rounds_planned, " rounds\n");
  }
  return text;
}

std::string version_lines(const Survey& survey) {
  std::string text;
  for (const auto& [name, version] : survey.ranks.front().versions) {
    text += base::str(text.empty() ? "" : ", ", name, " ", version);
  }
  return "rank 0 has " + text + "\n";
}

base::Json to_json_array(const std::vector<Finding>& findings) {
  base::Json all = base::Json::array();
  for (const Finding& finding : findings) {
    all.push_back({{"severity", finding.severity == Severity::kDefect ? "defect" : "warning"},
                   {"check", finding.check},
                   {"sentence", finding.sentence},
                   {"ranks", finding.ranks}});
  }
  return all;
}

base::Json rate_json(double rate) { return rate > 0 ? base::Json(rate) : base::Json(nullptr); }

}  // namespace

std::size_t defects_in(const std::vector<Finding>& findings) {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [](const Finding& finding) { return finding.severity == Severity::kDefect; }));
}

std::string failure_line(const std::vector<Finding>& findings) {
  const std::size_t defects = defects_in(findings);
  return str(counted(defects, "defect"), defects > 1 ? "; the first: " : ": ", findings.front().sentence);
}

std::string report(const Survey& survey, const std::vector<Finding>& findings) {
  const auto marks = marks_of(findings);
  std::string text = str(counted(survey.ranks.size(), "rank"), " on ", counted(survey.nodes.size(), "host"));
  if (!survey.views.empty()) {
    text += str("; run directory ", survey.directory, " (", survey.views.front().file_system,
                survey.directory_was_there ? "" : "; not there yet", ")");
  }
  text += "\n" + version_lines(survey) + "\n" + rank_table(survey, marks) + "\n" + node_table(survey, marks);
  if (const std::string links = link_lines(survey); !links.empty()) text += "\n" + links;
  text += "\n";
  for (const Finding& finding : findings) {
    text += str(finding.severity == Severity::kDefect ? "defect   " : "warning  ", finding.sentence, "\n");
  }
  for (const std::string& habit : storage_habits(survey)) text += str("advice   ", habit, "\n");
  const std::size_t defects = defects_in(findings);
  const std::string warnings = counted(findings.size() - defects, "warning");
  return text +
         (defects == 0 ? str("no defect, ", warnings, "\n") : str(counted(defects, "defect"), ", ", warnings, "\n"));
}

base::Json report_json(const Survey& survey, const std::vector<Finding>& findings) {
  base::Json ranks = base::Json::array();
  for (std::size_t i = 0; i < survey.ranks.size(); ++i) {
    base::Json rank = to_json(survey.ranks[i]);
    if (i < survey.views.size()) {
      const DirectoryView& view = survey.views[i];
      rank["directory"] = {{"sees", view.sees},
                           {"writes", view.writes},
                           {"seen", view.seen},
                           {"file_system", view.file_system},
                           {"error", view.error}};
    }
    ranks.push_back(rank);
  }
  base::Json nodes = base::Json::array();
  for (const Node& node : survey.nodes) {
    nodes.push_back({{"host", node.host},
                     {"ranks", node.ranks},
                     {"clock_seconds", node.clock_seconds},
                     {"clock_error_seconds", node.clock_error_seconds},
                     {"write_bytes_per_second", rate_json(node.write_rate)},
                     {"read_bytes_per_second", rate_json(node.read_rate)},
                     {"disk_error", node.disk_error}});
  }
  base::Json links = base::Json::array();
  for (const Link& link : survey.links) {
    links.push_back({{"ranks", {link.first, link.second}},
                     {"kind", link.kind == LinkKind::kWithinNode ? "within node" : "between nodes"},
                     {"bytes_per_second", link.rate}});
  }
  const std::size_t defects = defects_in(findings);
  return {{"directory", survey.directory},
          {"ranks", ranks},
          {"nodes", nodes},
          {"transport", survey.transport},
          {"links", links},
          {"rounds_planned", survey.rounds_planned},
          {"rounds_measured", survey.rounds_measured},
          {"all_reduce", {{"bytes", survey.all_reduce.bytes}, {"seconds", survey.all_reduce.seconds}}},
          {"findings", to_json_array(findings)},
          {"advice", storage_habits(survey)},
          {"defects", defects},
          {"warnings", findings.size() - defects}};
}

}  // namespace trireme::doctor
