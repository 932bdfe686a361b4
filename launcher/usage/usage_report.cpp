#include "launcher/usage/usage_report.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

namespace trireme::launcher {
namespace {

using slurm::JobRecord;
using JobsById = std::multimap<std::string, const JobRecord*>;

JobsById by_id(const Accounting& accounting) {
  JobsById jobs;
  if (!accounting.jobs) return jobs;
  for (const JobRecord& job : *accounting.jobs) jobs.emplace(job.id, &job);
  return jobs;
}

// The starts of the job of that attempt; none when the accounting does not know it.
std::vector<const JobRecord*> starts_of(const JobsById& jobs, const AttemptUse& attempt) {
  std::vector<const JobRecord*> starts;
  const auto [first, last] = jobs.equal_range(attempt.job);
  for (auto job = first; job != last; ++job) {
    const std::string& cluster = job->second->cluster;
    const bool elsewhere = !cluster.empty() && !attempt.cluster.empty() && cluster != attempt.cluster;
    if (!attempt.job.empty() && !elsewhere) starts.push_back(job->second);
  }
  return starts;
}

void add(Waits& waits, const Span& wait, const Span& window) {
  if (!window.holds(wait.end)) return;
  waits.seconds += wait.within(window).seconds();
  ++waits.starts;
}

void add(Waits& waits, const JobRecord& job, const Span& window) {
  if (job.started > 0 && job.eligible > 0) add(waits, {std::min(job.eligible, job.started), job.started}, window);
}

// `asked`: the jobs whose waits were counted already; the runs of a sweep may share one.
Waits waits_of(const RunRecord& run, const JobsById& jobs, const Span& window, std::set<std::string>& asked) {
  Waits waits;
  for (const AttemptUse& attempt : run.use.attempts) {
    const auto starts = starts_of(jobs, attempt);
    if (starts.empty()) {
      if (attempt.waited) add(waits, *attempt.waited, window);
    } else if (asked.insert(attempt.cluster + ' ' + attempt.job).second) {
      for (const JobRecord* start : starts) add(waits, *start, window);
    }
  }
  return waits;
}

struct RunTotal {
  std::size_t attempts = 0;
  DeviceTime time;
};

RunTotal total_of(const RunRecord& run, const Span& window) {
  RunTotal total;
  for (const AttemptUse& attempt : run.use.attempts) {
    const double all = attempt.span.seconds(), inside = attempt.span.within(window).seconds();
    if (!window.holds(attempt.span.begin) && inside <= 0) continue;
    ++total.attempts;
    if (all > 0) total.time += attempt.time * (inside / all);
  }
  return total;
}

// Lines by name and kind.
class Lines {
 public:
  UsageLine& at(const std::string& name, bool gpus) {
    UsageLine& line = lines_[{name, gpus}];
    line.name = name;
    line.gpus = gpus;
    return line;
  }
  std::vector<UsageLine> sorted() const {
    std::vector<UsageLine> lines;
    for (const auto& [key, line] : lines_) {
      if (line.attempts > 0 || line.checkpoint_bytes > 0 || line.spared > 0) lines.push_back(line);
    }
    std::ranges::stable_sort(lines, [](const UsageLine& a, const UsageLine& b) {
      return std::tuple(a.gpus, a.time.used) > std::tuple(b.gpus, b.time.used);
    });
    return lines;
  }

 private:
  std::map<std::pair<std::string, bool>, UsageLine> lines_;
};

void add_run(UsageLine& line, const RunRecord& run, const RunTotal& total, const Waits& waits) {
  line.runs += total.attempts > 0 ? 1 : 0;
  line.attempts += total.attempts;
  line.time += total.time;
  line.waits.seconds += waits.seconds;
  line.waits.starts += waits.starts;
  line.checkpoints += run.checkpoints;
  line.checkpoint_bytes += run.checkpoint_bytes;
}

std::vector<PersonJobs> jobs_by_person(const Accounting& accounting, const Span& window) {
  std::map<std::string, PersonJobs> people;
  for (const JobRecord& job : accounting.jobs.value_or(std::vector<JobRecord>{})) {
    PersonJobs& person = people[job.user];
    if (job.started <= 0) continue;
    const Span ran{job.started, job.ended > 0 ? job.ended : window.end};
    const double seconds = ran.within(window).seconds();
    person.starts += window.holds(job.started) ? 1 : 0;
    person.cpu_seconds += seconds * static_cast<double>(job.cpus);
    person.gpu_seconds += seconds * static_cast<double>(job.gpus);
    add(person.waits, job, window);
  }
  // What somebody used is not known without a line of sacct's about them.
  const auto known = [&](const slurm::FairShare& share) { return people.contains(share.user); };
  for (const slurm::FairShare& share : accounting.shares.value_or(std::vector<slurm::FairShare>{})) {
    if (!known(share)) continue;
    std::optional<double>& factor = people[share.user].fair_share;
    factor = std::min(factor.value_or(share.factor), share.factor);
  }
  std::vector<PersonJobs> list;
  for (auto& [name, person] : people) {
    person.person = name;
    list.push_back(std::move(person));
  }
  std::ranges::stable_sort(list, [](const PersonJobs& a, const PersonJobs& b) {
    return std::tuple(a.gpu_seconds, a.cpu_seconds) > std::tuple(b.gpu_seconds, b.cpu_seconds);
  });
  return list;
}

void add_top(std::vector<TopShare>& shares, const std::string& of, bool gpus, std::vector<double> amounts) {
  if (auto share = top_share(of, gpus, std::move(amounts))) shares.push_back(*share);
}

}  // namespace

std::optional<TopShare> top_share(const std::string& of, bool gpus, std::vector<double> amounts) {
  std::erase_if(amounts, [](double amount) { return amount <= 0; });
  if (amounts.empty()) return std::nullopt;
  std::ranges::sort(amounts, std::greater());
  const std::size_t top = (amounts.size() + 19) / 20;
  const double sum = std::accumulate(amounts.begin(), amounts.end(), 0.0);
  const auto most = std::accumulate(amounts.begin(), amounts.begin() + static_cast<std::ptrdiff_t>(top), 0.0);
  return TopShare{of, gpus, top, amounts.size(), most / sum};
}

void name_records(std::vector<RunRecord>& runs, const Accounting& accounting,
                  const std::function<std::string(std::uint32_t)>& name_of) {
  const JobsById jobs = by_id(accounting);
  std::map<std::uint32_t, std::string> names;  // a site's directory of users may be slow
  for (RunRecord& run : runs) {
    if (run.owner && names.count(*run.owner) == 0) names[*run.owner] = name_of(*run.owner);
    run.person = run.owner ? names[*run.owner] : "unknown";
    run.project = run.account.empty() ? run.folder + "/" : run.account;
    for (const AttemptUse& attempt : run.use.attempts) {
      const auto starts = starts_of(jobs, attempt);
      if (!starts.empty() && !starts.back()->account.empty()) run.project = starts.back()->account;
    }
  }
}

UsageReport usage_report(const std::vector<RunRecord>& runs, const std::vector<SparedTime>& spared,
                         const Accounting& accounting, const Span& window) {
  const JobsById jobs = by_id(accounting);
  UsageReport report;
  report.window = window;
  report.runs = runs.size();
  Lines people, projects;
  std::set<std::string> asked;
  std::vector<double> of_runs[2], of_people[2], of_all_jobs[2];  // without and with GPUs
  for (const RunRecord& run : runs) {
    report.impossible += run.use.impossible;
    const RunTotal total = total_of(run, window);
    const Waits waits = waits_of(run, jobs, window, asked);
    add_run(people.at(run.person, run.gpus), run, total, waits);
    add_run(projects.at(run.project, run.gpus), run, total, waits);
    of_runs[run.gpus ? 1 : 0].push_back(total.time.used);
  }
  for (const SparedTime& one : spared) {
    people.at(one.person, one.gpus).spared += one.seconds;
    projects.at(one.project, one.gpus).spared += one.seconds;
  }
  report.people = people.sorted();
  report.projects = projects.sorted();
  report.jobs = jobs_by_person(accounting, window);
  for (const UsageLine& line : report.people) of_people[line.gpus ? 1 : 0].push_back(line.time.used);
  for (const PersonJobs& person : report.jobs) {
    of_all_jobs[0].push_back(person.cpu_seconds);
    of_all_jobs[1].push_back(person.gpu_seconds);
  }
  for (const bool gpus : {true, false}) {
    add_top(report.top, "people", gpus, of_people[gpus ? 1 : 0]);
    add_top(report.top, "runs", gpus, of_runs[gpus ? 1 : 0]);
    add_top(report.top, "people, all jobs", gpus, of_all_jobs[gpus ? 1 : 0]);
  }
  return report;
}

}  // namespace trireme::launcher
