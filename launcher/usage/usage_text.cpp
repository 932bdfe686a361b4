#include "launcher/usage/usage_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "base/error.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t kMostJobLines = 20;  // a cluster has more people than a page has lines

std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// "0.04", "12.3", "1,234".
std::string hours(double seconds) {
  const double value = seconds / 3600;
  if (value == 0) return "0";
  if (value < 10) return printed("%.2f", value);
  if (value < 1000) return printed("%.1f", value);
  return value < 1e15 ? with_commas(static_cast<std::uint64_t>(std::llround(value))) : printed("%.3g", value);
}

std::string unit(bool gpus) { return gpus ? "GPU h" : "CPU h"; }

std::string mean_wait(const Waits& waits) {
  return waits.starts == 0 ? "-" : format_duration(waits.seconds / static_cast<double>(waits.starts));
}

std::string lines_table(const char* what, const std::vector<UsageLine>& lines, std::size_t width) {
  double sums[2] = {0, 0};
  for (const UsageLine& line : lines) sums[line.gpus ? 1 : 0] += line.time.used;
  Rows rows = {{what, "in", "runs", "used", "share", "killed", "starting", "saving", "spared", "mean wait", "disk"}};
  for (const UsageLine& line : lines) {
    const double sum = sums[line.gpus ? 1 : 0];
    rows.push_back({line.name, unit(line.gpus), std::to_string(line.runs), hours(line.time.used),
                    sum > 0 ? printed("%.0f%%", 100 * line.time.used / sum) : "-", hours(line.time.unsaved),
                    hours(line.time.starting), hours(line.time.saving), hours(line.spared), mean_wait(line.waits),
                    format_bytes(static_cast<double>(line.checkpoint_bytes))});
  }
  return format_table(rows, {.right = {2, 3, 4, 5, 6, 7, 8, 9, 10}, .spare = {2, 4, 7, 8, 9}}, width);
}

std::string jobs_table(const std::vector<PersonJobs>& jobs, std::size_t width) {
  Rows rows = {{"all jobs of", "starts", "GPU h", "CPU h", "mean wait", "fair-share factor"}};
  for (std::size_t i = 0; i < std::min(jobs.size(), kMostJobLines); ++i) {
    const PersonJobs& person = jobs[i];
    rows.push_back({person.person, std::to_string(person.starts), hours(person.gpu_seconds), hours(person.cpu_seconds),
                    mean_wait(person.waits), person.fair_share ? printed("%.3f", *person.fair_share) : "-"});
  }
  std::string text = format_table(rows, {.right = {1, 2, 3, 4, 5}, .spare = {1}}, width);
  if (jobs.size() > kMostJobLines) text += base::str("(and ", jobs.size() - kMostJobLines, " more: --json has all)\n");
  return text;
}

std::string share_text(const TopShare& share) {
  const std::string number = share.top == 1 ? base::str("1 of ", share.all) : base::str(share.top, " of ", share.all);
  return base::str("top 5% of ", share.of, " (", number, "): ", printed("%.0f%%", 100 * share.share), " of the ",
                   unit(share.gpus), "\n");
}

base::Json to_json(const Waits& waits) { return {{"seconds", waits.seconds}, {"starts", waits.starts}}; }

base::Json to_json(const UsageLine& line) {
  return {{"name", line.name},
          {"gpus", line.gpus},
          {"runs", line.runs},
          {"attempts", line.attempts},
          {"used_hours", line.time.used / 3600},
          {"killed_hours", line.time.unsaved / 3600},
          {"starting_hours", line.time.starting / 3600},
          {"saving_hours", line.time.saving / 3600},
          {"spared_hours", line.spared / 3600},
          {"waits", to_json(line.waits)},
          {"checkpoints", line.checkpoints},
          {"checkpoint_bytes", line.checkpoint_bytes}};
}

base::Json to_json(const TopShare& share) {
  return {{"of", share.of}, {"gpus", share.gpus}, {"top", share.top}, {"all", share.all}, {"share", share.share}};
}

base::Json to_json(const PersonJobs& person) {
  base::Json json = {{"name", person.person},
                     {"starts", person.starts},
                     {"cpu_hours", person.cpu_seconds / 3600},
                     {"gpu_hours", person.gpu_seconds / 3600},
                     {"waits", to_json(person.waits)}};
  if (person.fair_share) json["fair_share"] = *person.fair_share;
  return json;
}

template <typename Lines>
base::Json list_of(const Lines& lines) {
  base::Json list = base::Json::array();
  for (const auto& line : lines) list.push_back(to_json(line));
  return list;
}

}  // namespace

std::string usage_text(const UsageReport& report, std::size_t width) {
  std::string text =
      base::str("from ", format_local_minute(report.window.begin), " to ", format_local_minute(report.window.end), ", ",
                report.runs, report.runs == 1 ? " run" : " runs", "\n");
  if (!report.people.empty()) {
    text += "\n" + lines_table("person", report.people, width) + "\n" + lines_table("project", report.projects, width) +
            "\nDevice hours. Of those used were lost: killed (steps that no checkpoint holds), starting, saving.\n"
            "Spared: by pausing trials of sweeps. Mean wait: in the queue, of each start. Disk: checkpoints.\n";
  }
  if (!report.jobs.empty()) text += "\n" + jobs_table(report.jobs, width);
  if (!report.top.empty()) text += "\n";
  for (const TopShare& share : report.top) text += share_text(share);
  return text;
}

base::Json to_json(const UsageReport& report) {
  return {{"from", report.window.begin},
          {"to", report.window.end},
          {"runs", report.runs},
          {"impossible_attempts", report.impossible},
          {"people", list_of(report.people)},
          {"projects", list_of(report.projects)},
          {"top", list_of(report.top)},
          {"jobs", list_of(report.jobs)}};
}

}  // namespace trireme::launcher
