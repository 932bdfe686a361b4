#include "slurm/submit/spare_view.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/words.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/site/hostlist.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();
constexpr std::size_t kNodeColumns = 3;
constexpr std::size_t kJobColumns = 12;
constexpr double kAroundEnd = 120;                           // backfill plans in steps of a minute or more
constexpr std::size_t kNice = 9, kHosts = 10, kReason = 11;  // columns
constexpr std::int64_t kMostNodes = 1'000'000;

// Splits a line; the last column keeps the separators that are in it.
std::vector<std::string> cells_of(const std::string& line, std::size_t columns) {
  std::vector<std::string> cells;
  std::size_t begin = 0;
  while (cells.size() + 1 < columns) {
    const std::size_t end = line.find('|', begin);
    if (end == std::string::npos) return {};
    cells.push_back(base::trimmed(line.substr(begin, end - begin)));
    begin = end + 1;
  }
  cells.push_back(base::trimmed(line.substr(begin)));
  return cells;
}

/// Whether a node in this state takes jobs when it is free: "idle", "mixed", "allocated+", "planned", "idle-" (idle,
/// and backfill has plans for it). Other marks: not responding, powered down, to be rebooted, in maintenance.
bool takes_jobs(const std::string& state) {
  std::string word = lower(state);
  while (!word.empty() && (word.back() == '+' || word.back() == '-')) word.pop_back();
  for (const char* good : {"idle", "mixed", "allocated", "completing", "planned"}) {
    if (word == good) return true;
  }
  return false;
}

bool is_idle(const std::string& state) {
  const std::string word = lower(state);
  return word.starts_with("idle") || word.starts_with("planned");
}

double duration(const std::string& text) {
  const auto seconds = parse_duration(text);
  return seconds ? static_cast<double>(*seconds) : kForever;
}

double seconds_until(const std::string& local_time, double now) {
  std::tm parts{};
  const char* end = ::strptime(local_time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || *end != '\0') return kForever;
  parts.tm_isdst = -1;
  return std::max(0.0, static_cast<double>(std::mktime(&parts)) - now);
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp<std::int64_t>(value, 0, kMostNodes);
}

// How many tasks of an array a line stands for, as far as they may run together: "12_[1,5-9:2%3]" is 3.
std::int64_t tasks_of(const std::string& id) {
  const std::size_t open = id.find('['), close = id.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return 1;
  std::string list = id.substr(open + 1, close - open - 1);
  std::int64_t most = kMostNodes;
  if (const std::size_t limit = list.find('%'); limit != std::string::npos) {
    most = std::max<std::int64_t>(1, number(std::string_view(list).substr(limit + 1)));
    list.resize(limit);
  }
  std::int64_t tasks = 0;
  for (const std::string& item : split(list, ',')) {
    const std::size_t dash = item.find('-'), colon = item.find(':');
    if (dash == std::string::npos) {
      ++tasks;
      continue;
    }
    const std::string_view view = item;
    const std::int64_t step =
        colon == std::string::npos ? 1 : std::max<std::int64_t>(1, number(view.substr(colon + 1)));
    tasks += std::max<std::int64_t>(0, number(view.substr(dash + 1)) - number(view)) / step + 1;
  }
  return std::clamp<std::int64_t>(tasks, 1, most);
}

std::optional<SpareJob> parse_job(const std::string& line, double now) {
  const auto cells = cells_of(line, kJobColumns);
  if (cells.empty() || cells[0].empty()) return std::nullopt;
  SpareJob job;
  job.id = cells[0];
  job.user = cells[1];
  job.partitions = split(cells[2], ',');
  job.qos = cells[8];
  job.waits = cells[3] == "PENDING";
  job.nodes = std::min(kMostNodes, number(cells[4]) * (job.waits ? tasks_of(job.id) : 1));
  job.seconds = duration(job.waits ? cells[6] : cells[5]);
  job.nice = number(cells[kNice]);
  const std::string& reason = cells[kReason];
  job.next = job.waits && reason.find("Resources") != std::string::npos;
  // None: the scheduler has not looked at it yet.
  for (const char* word : {"Resources", "Priority", "ReqNodeNotAvail", "None"}) {
    job.waits_for_nodes = job.waits_for_nodes || (job.waits && reason.find(word) != std::string::npos);
  }
  if (job.waits) job.start = seconds_until(cells[7], now);
  if (!job.waits) job.hosts = expand_hostlist(cells[kHosts]);
  return job;
}

// Free nodes over time, as changes: a job takes nodes (negative) and gives them back.
using Changes = std::multimap<double, std::int64_t>;

/// The first time from which on for `seconds` at least `nodes` are free.
double earliest(const Changes& changes, std::int64_t free, std::int64_t nodes, double seconds) {
  double since = free >= nodes ? 0 : kForever;
  for (auto change = changes.begin(); change != changes.end();) {
    const double time = change->first;
    for (; change != changes.end() && change->first == time; ++change) free += change->second;
    if (since != kForever && time >= since + seconds) break;
    if (free < nodes) since = kForever;
    if (free >= nodes && since == kForever) since = time;
  }
  return since;
}

bool is_in(const SpareView& view, const SpareJob& job, const std::vector<std::string>& nodes) {
  return std::ranges::any_of(job.partitions, [&](const std::string& name) {
    const auto found = view.partitions.find(name);
    return found != view.partitions.end() && share_a_host(found->second, nodes);
  });
}

bool is_spare(const SpareJob& job) { return job.nice >= kSpareNice; }

// When the job's time is over; nothing where there is no such job, or it has no limit.
std::optional<double> end_of(const SpareView& view, const std::string& id) {
  for (const SpareJob& job : view.jobs) {
    if (!id.empty() && job.id == id && job.seconds < kForever) return job.seconds;
  }
  return std::nullopt;
}

void take(Changes& changes, double start, double seconds, std::int64_t nodes) {
  changes.emplace(start, -nodes);
  if (start + seconds < kForever) changes.emplace(start + seconds, nodes);
}

}  // namespace

std::vector<std::string> spare_nodes_command() {
  return {"env", "-u", "SLURM_CLUSTERS", "sinfo", "--noheader", "--all", "--format=%R|%T|%N"};
}

std::vector<std::string> spare_jobs_command() {
  return {"env",
          "-u",
          "SLURM_CLUSTERS",
          "squeue",
          "--noheader",
          "--all",
          "--noconvert",
          "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING",
          "--sort=-p,i",
          "--format=%i|%u|%P|%T|%D|%L|%l|%S|%q|%y|%N|%r"};
}

double scheduler_seconds(const std::string& config) {
  constexpr std::string_view kInterval = "bf_interval=";
  constexpr double kUsual = 30, kRest = 5;
  const std::size_t at = config.find(kInterval);
  const auto seconds = at == std::string::npos ? 0 : number(std::string_view(config).substr(at + kInterval.size()));
  return (seconds > 0 ? static_cast<double>(seconds) : kUsual) + kRest;
}

bool hides_jobs(const std::string& config) {
  const std::vector<std::string> hidden = split(field(parse_config(config), "PrivateData"), ',');
  return std::ranges::count(hidden, "jobs") > 0;
}

SpareView parse_spare_view(const std::string& sinfo, const std::string& squeue, double now) {
  SpareView view;
  std::istringstream nodes(sinfo), jobs(squeue);
  for (std::string line; std::getline(nodes, line);) {
    const auto cells = cells_of(line, kNodeColumns);
    if (cells.empty() || cells[0].empty()) continue;
    const std::vector<std::string> hosts = expand_hostlist(cells[2]);
    auto& list = view.partitions[cells[0]];
    list.insert(list.end(), hosts.begin(), hosts.end());
    if (!takes_jobs(cells[1])) view.unusable.insert(hosts.begin(), hosts.end());
    if (!is_idle(cells[1])) view.in_use.insert(hosts.begin(), hosts.end());
  }
  for (auto& [name, list] : view.partitions) {
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  for (std::string line; std::getline(jobs, line);) {
    if (auto job = parse_job(line, now)) view.jobs.push_back(std::move(*job));
  }
  return view;
}

std::vector<double> holes(const SpareView& view, const std::string& partition, const std::string& without) {
  const auto found = view.partitions.find(partition);
  if (found == view.partitions.end()) return {};
  const std::vector<std::string>& nodes = found->second;
  std::map<std::string, double> busy;  // until when
  const SpareJob* own = nullptr;
  for (const SpareJob& job : view.jobs) {
    if (!without.empty() && job.id == without) own = &job;
    if (job.waits || job.id == without) continue;
    for (const std::string& host : job.hosts) busy[host] = std::max(busy[host], job.seconds);
  }
  const std::optional<double> end = end_of(view, without);
  Changes changes;
  std::int64_t free = 0;
  for (const std::string& node : nodes) {
    if (view.unusable.contains(node)) continue;
    const auto until = busy.find(node);
    const bool ours = own != nullptr && std::ranges::count(own->hosts, node) > 0;
    if (until == busy.end() && view.in_use.contains(node) && !ours) continue;
    if (until == busy.end()) ++free;
    if (until != busy.end() && until->second < kForever) changes.emplace(until->second, 1);
  }
  const std::int64_t now_free = free;
  const std::int64_t idle = free - (own == nullptr ? 0 : std::ssize(own->hosts));  // with the job `without` there
  for (const SpareJob& job : view.jobs) {
    if (!job.waits_for_nodes || job.id == without || !is_in(view, job, nodes)) continue;
    const std::int64_t wanted = std::min(job.nodes, static_cast<std::int64_t>(nodes.size()));
    const bool known = job.start < kForever;
    const bool in_its_way = end && job.start <= *end + kAroundEnd && wanted > idle;
    if (!known && !job.next) continue;
    double start = job.start;
    if (!known || in_its_way) start = std::min(start, earliest(changes, free, wanted, job.seconds));
    if (start < kForever) take(changes, start, job.seconds, wanted);
  }
  std::vector<double> lengths(static_cast<std::size_t>(now_free), kForever);
  for (auto change = changes.begin(); change != changes.end();) {
    const double time = change->first;
    for (; change != changes.end() && change->first == time; ++change) free += change->second;
    for (auto n = lengths.size(); n > 0 && static_cast<std::int64_t>(n) > free; --n) {
      lengths[n - 1] = std::min(lengths[n - 1], time);
    }
  }
  while (!lengths.empty() && lengths.back() <= 0) lengths.pop_back();  // a job that waits is about to take them
  return lengths;
}

SpareView claims_on(SpareView view, const SpareJob& own) {
  std::vector<std::string> hosts = own.hosts;
  std::ranges::sort(hosts);
  std::erase_if(view.jobs, [&, id = own.id](const SpareJob& job) {
    return job.waits && job.id != id && (is_spare(job) || !is_in(view, job, hosts));
  });
  return view;
}

bool others_wait(const SpareView& view, const std::string& partition, const std::string& without) {
  const auto found = view.partitions.find(partition);
  return found != view.partitions.end() && std::ranges::any_of(view.jobs, [&](const SpareJob& job) {
           return job.waits_for_nodes && !is_spare(job) && job.id != without && is_in(view, job, found->second);
         });
}

const SpareJob* find_job(const SpareView& view, const std::string& id) {
  const auto found = std::ranges::find(view.jobs, id, &SpareJob::id);
  return found == view.jobs.end() ? nullptr : &*found;
}

std::int64_t nodes_of(const SpareView& view, const std::string& user, const std::string& partition,
                      const std::string& without) {
  std::int64_t nodes = 0;
  for (const SpareJob& job : view.jobs) {
    const bool counts = job.user == user && job.id != without && std::ranges::count(job.partitions, partition) > 0;
    nodes += counts ? job.nodes : 0;
  }
  return nodes;
}

}  // namespace trireme::slurm
