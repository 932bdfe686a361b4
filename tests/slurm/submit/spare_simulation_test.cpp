// A cluster of 16 nodes over a week, in steps of 30 s: other people's jobs come, wait in order, and are backfilled as
// Slurm does (EASY: the first that waits has a reservation, later ones start only when they do not delay it). A run
// does its work in it as a spare job or as an ordinary one; the texts that it sees are those that sinfo and squeue
// print.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "slurm/queue/duration.hpp"
#include "slurm/submit/spare.hpp"

namespace trireme::slurm {
namespace {

constexpr int kNodes = 16;
constexpr double kTick = 30;
constexpr double kWeek = 7 * 86400.0;
constexpr double kEpoch = 1'800'000'000;
constexpr double kLook = 180;
constexpr double kRequeue = 120;  // Slurm holds a requeued job so long

struct Job {
  int id = 0;
  double arrives = 0;
  int nodes = 1;
  double seconds = 0;  ///< that it really runs
  double limit = 0;
  double started = -1;
  std::vector<int> on;
};

/// Jobs of others: they come at random, twice as many by day; most are small, most end long before their limit.
std::vector<Job> stream(std::uint64_t seed, double load) {
  std::mt19937_64 random(seed);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1.0p-53; };
  std::vector<Job> jobs;
  double work = 0, now = 0;
  while (work < load * kNodes * kWeek) {
    Job job;
    job.id = 100 + static_cast<int>(jobs.size());
    const double size = uniform();
    job.nodes = size < 0.5 ? 1 : size < 0.7 ? 2 : size < 0.85 ? 4 : size < 0.95 ? 8 : 12;
    job.limit = std::ceil(std::exp(std::log(600) + uniform() * std::log(60.0)) / 60) * 60;  // 10 minutes to 10 hours
    job.seconds = std::ceil(job.limit * (0.2 + 0.8 * uniform()) / kTick) * kTick;
    work += job.nodes * job.seconds;
    job.arrives = now;
    jobs.push_back(job);
    now += 1;
  }
  // Spread over the week; by day the distance is half of that by night.
  std::vector<double> times;
  while (times.size() < jobs.size()) {
    const double time = uniform() * kWeek;
    const bool day = std::fmod(time, 86400) < 43200;
    if (day || uniform() < 0.5) times.push_back(time);
  }
  std::ranges::sort(times);
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].arrives = std::floor(times[i] / kTick) * kTick;
  return jobs;
}

enum class How { kNobody, kSpare, kPlain };

struct Result {
  double work_per_hour = 0;  ///< node hours of training
  double mean_wait = 0;      ///< of others' jobs that started
  int starts = 0;            ///< of the run
  int preempted = 0;
  double node_hours = 0;  ///< that the run held, whether it trained or not
};

class Cluster {
 public:
  Cluster(std::vector<Job> jobs, How how, bool preempts) : coming_(std::move(jobs)), how_(how), preempts_(preempts) {
    needs_.sizes = {1, 2, 4, 8};
    needs_.start_up = 60;
    needs_.save = 15;
    needs_.requeue = 35;  // of a job that follows another one
    needs_.most_nodes = 8;
    needs_.time_limit = 12 * 3600;
    std::ranges::reverse(coming_);
  }

  Result run() {
    for (now_ = 0; now_ < kWeek; now_ += kTick) {
      end_jobs();
      while (!coming_.empty() && coming_.back().arrives <= now_) {
        waiting_.push_back(coming_.back());
        coming_.pop_back();
      }
      schedule();
      if (how_ == How::kSpare) act_as_spare();
    }
    result_.work_per_hour = work_ / kWeek;
    result_.node_hours = held_ / 3600;
    result_.mean_wait = started_ > 0 ? waited_ / started_ : 0;
    return result_;
  }

 private:
  struct Run {
    std::vector<int> on;
    double started = 0, ends = 0;
    std::unique_ptr<SpareWatch> watch;
  };

  std::vector<int> idle(bool without_ours) const {
    std::vector<bool> busy(kNodes, false);
    for (const Job& job : running_) {
      for (const int node : job.on) busy[static_cast<std::size_t>(node)] = true;
    }
    if (ours_ && !without_ours) {
      for (const int node : ours_->on) busy[static_cast<std::size_t>(node)] = true;
    }
    std::vector<int> nodes;
    // Nodes of the run come last, so that a job preempts only when it must.
    for (const bool of_run : {false, true}) {
      for (int node = 0; node < kNodes; ++node) {
        const bool is_ours = ours_ && std::ranges::count(ours_->on, node) > 0;
        if (!busy[static_cast<std::size_t>(node)] && is_ours == of_run) nodes.push_back(node);
      }
    }
    return nodes;
  }

  void stop_run(double wasted_after, double comes_back) {
    const double trained = std::max(0.0, now_ - ours_->started - needs_.start_up - wasted_after);
    work_ += trained * static_cast<double>(ours_->on.size()) / 1.0;
    held_ += (now_ - ours_->started) * static_cast<double>(ours_->on.size());
    ours_.reset();
    may_start_ = now_ + comes_back;
  }

  void end_jobs() {
    std::erase_if(running_, [&](const Job& job) { return job.started + job.seconds <= now_; });
    // A run saves before its time is over; a plain one is then at the end of the queue again.
    if (ours_ && now_ >= ours_->ends) stop_run(2 * needs_.save, kRequeue);
  }

  // The seconds until `nodes` are free when all run until their limit; for the reservation of the first that waits.
  double reservation(int nodes) const {
    std::vector<std::pair<double, int>> ends;
    for (const Job& job : running_) ends.emplace_back(job.started + job.limit, job.nodes);
    if (ours_ && !preempts_) ends.emplace_back(ours_->ends, static_cast<int>(ours_->on.size()));
    std::ranges::sort(ends);
    int free = static_cast<int>(idle(preempts_).size());
    for (const auto& [end, count] : ends) {
      if (free >= nodes) break;
      free += count;
      if (free >= nodes) return std::max(end, now_);
    }
    return now_;
  }

  void start(Job job, const std::vector<int>& free) {
    job.started = now_;
    job.on.assign(free.begin(), free.begin() + job.nodes);
    waited_ += now_ - job.arrives;
    ++started_;
    const bool takes_ours =
        ours_ && std::ranges::any_of(job.on, [&](int node) { return std::ranges::count(ours_->on, node) > 0; });
    if (takes_ours) {
      ++result_.preempted;
      stop_run(needs_.save, kRequeue);
    }
    running_.push_back(std::move(job));
  }

  void schedule() {
    if (how_ == How::kPlain && !ours_ && now_ >= may_start_) queue_plain();
    reserved_at_.reset();
    for (std::size_t i = 0; i < waiting_.size();) {
      const Job& job = waiting_[i];
      const std::vector<int> free = idle(preempts_);
      const bool fits = job.nodes <= static_cast<int>(free.size());
      const bool delays =
          reserved_at_ && now_ + job.limit > *reserved_at_ && static_cast<int>(free.size()) - job.nodes < needed_free();
      if (fits && !delays) {
        const Job chosen = job;
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        if (chosen.id == kPlainId) {
          start_run(chosen.nodes, chosen.limit, free);
        } else {
          start(chosen, free);
        }
        continue;
      }
      if (!reserved_at_) {
        reserved_at_ = reservation(job.nodes);
        reserved_nodes_ = job.nodes;
      }
      ++i;
    }
  }

  // How many of the nodes that are free now the reservation needs, when all that ends before it has ended.
  int needed_free() const {
    int freed = 0;
    for (const Job& job : running_) freed += job.started + job.limit <= *reserved_at_ ? job.nodes : 0;
    if (ours_ && !preempts_ && ours_->ends <= *reserved_at_) freed += static_cast<int>(ours_->on.size());
    return std::max(0, reserved_nodes_ - freed);
  }

  static constexpr int kPlainId = 1;
  void queue_plain() {
    const bool queued = std::ranges::any_of(waiting_, [](const Job& job) { return job.id == kPlainId; });
    if (!queued) waiting_.push_back({.id = kPlainId, .arrives = now_, .nodes = 4, .limit = 4 * 3600.0});
  }

  void start_run(std::int64_t nodes, double limit, const std::vector<int>& free) {
    ours_.emplace(Run{});
    ours_->on.assign(free.begin(), free.begin() + nodes);
    ours_->started = now_;
    ours_->ends = now_ + limit;
    ++result_.starts;
  }

  std::string local(double time) const {
    const auto seconds = static_cast<std::time_t>(kEpoch + time);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return text;
  }

  static std::string names(const std::vector<int>& nodes) {
    std::string list;
    for (const int node : nodes) list += (list.empty() ? "" : ",") + std::to_string(node);
    return list.empty() ? "" : "n[" + list + "]";
  }

  // When backfill expects the first jobs that wait to start, each behind those before it.
  std::vector<double> expected_starts() const {
    constexpr std::size_t kDepth = 30;
    std::multimap<double, int> changes;
    for (const Job& job : running_) changes.emplace(job.started + job.limit, job.nodes);
    if (ours_ && !preempts_) changes.emplace(ours_->ends, static_cast<int>(ours_->on.size()));
    const int free_now = static_cast<int>(idle(preempts_).size());
    std::vector<double> starts;
    for (std::size_t i = 0; i < std::min(kDepth, waiting_.size()); ++i) {
      const Job& job = waiting_[i];
      int free = free_now;
      double since = free >= job.nodes ? now_ : -1;
      for (const auto& [time, count] : changes) {
        if (since >= 0 && time >= since + job.limit) break;
        free += count;
        if (free < job.nodes) since = -1;
        if (free >= job.nodes && since < 0) since = std::max(now_, time);
      }
      starts.push_back(std::max(now_, since));
      changes.emplace(starts.back(), -job.nodes);
      changes.emplace(starts.back() + job.limit, job.nodes);
    }
    return starts;
  }

  SpareView look() const {
    const std::vector<int> free = idle(false);
    std::vector<int> busy;
    for (int node = 0; node < kNodes; ++node) {
      if (std::ranges::count(free, node) == 0) busy.push_back(node);
    }
    std::string sinfo, squeue;
    if (!free.empty()) sinfo += "low|idle|" + names(free) + "\nhigh|idle|" + names(free) + "\n";
    if (!busy.empty()) sinfo += "low|allocated|" + names(busy) + "\nhigh|allocated|" + names(busy) + "\n";
    const auto line = [&](int id, const char* user, const char* state, std::size_t nodes, double left, double limit,
                          const std::string& start, const std::string& on, const char* reason) {
      squeue += std::to_string(id) + "|" + user + (ours_ && id == 9 ? "|low|" : "|high|") + state + "|" +
                std::to_string(nodes) + "|" + format_slurm_duration(static_cast<std::int64_t>(std::max(0.0, left))) +
                "|" + format_slurm_duration(static_cast<std::int64_t>(limit)) + "|" + start + "|q|0|" + on + "|" +
                reason + "\n";
    };
    for (const Job& job : running_) {
      line(job.id, "other", "RUNNING", job.on.size(), job.started + job.limit - now_, job.limit, local(job.started),
           names(job.on), "None");
    }
    if (ours_) {
      line(9, "me", "RUNNING", ours_->on.size(), ours_->ends - now_, ours_->ends - ours_->started,
           local(ours_->started), names(ours_->on), "None");
    }
    const std::vector<double> starts = expected_starts();
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      const Job& job = waiting_[i];
      line(job.id, "other", "PENDING", static_cast<std::size_t>(job.nodes), job.limit, job.limit,
           i < starts.size() ? local(starts[i]) : "N/A", "", i == 0 ? "Resources" : "Priority");
    }
    return parse_spare_view(sinfo, squeue, kEpoch + now_);
  }

  void act_as_spare() {
    if (ours_) {
      if (std::fmod(now_, kLook) != 0) return;
      const SpareDecision decision = ours_->watch->look(look(), now_, ours_->ends - now_);
      if (decision.kind != SpareDecision::Kind::kKeep) stop_run(needs_.save, needs_.requeue);
      return;
    }
    if (now_ < may_start_) return;
    const std::vector<int> free = idle(false);
    const auto slice = find_slice(spare_slices(needs_, {{"low", "", {}, {}}}, look(), "me"), [&](const Slice& asked) {
      return asked.nodes <= static_cast<std::int64_t>(free.size()) ? std::optional(0.0) : std::nullopt;
    });
    if (!slice) return;
    start_run(slice->nodes, static_cast<double>(slice->seconds), free);
    ours_->watch = std::make_unique<SpareWatch>(needs_, slice->place, "9", "me", slice->nodes, kLook);
  }

  std::vector<Job> coming_;  ///< the last one comes first
  std::deque<Job> waiting_;
  std::vector<Job> running_;
  How how_;
  bool preempts_;  ///< others' jobs preempt the run
  SpareNeeds needs_;
  std::optional<Run> ours_;
  std::optional<double> reserved_at_;
  int reserved_nodes_ = 0;
  double now_ = 0, may_start_ = 0;
  double work_ = 0, held_ = 0, waited_ = 0;
  int started_ = 0;
  Result result_;
};

void print(const char* what, double load, const Result& result) {
  std::printf("load %.2f  %-38s %5.2f node hours of training an hour, %4d starts, %3d preempted, others wait %6.0f s\n",
              load, what, result.work_per_hour, result.starts, result.preempted, result.mean_wait);
}

TEST(SpareSimulation, DoesMoreThanAnOrdinaryJobAndDelaysNobody) {
  for (const double load : {0.5, 0.7, 0.85}) {
    const auto jobs = stream(17, load);
    const Result nobody = Cluster(jobs, How::kNobody, false).run();
    const Result plain = Cluster(jobs, How::kPlain, false).run();
    const Result spare = Cluster(jobs, How::kSpare, true).run();
    print("nobody", load, nobody);
    print("4 nodes for 4 h, submitted plainly", load, plain);
    print("spare, up to 8 nodes", load, spare);
    EXPECT_DOUBLE_EQ(spare.mean_wait, nobody.mean_wait) << load;
    // Where somebody nearly always waits, the run hardly ever grows.
    EXPECT_GT(spare.work_per_hour, (load < 0.8 ? 1 : 0.85) * plain.work_per_hour) << load;
    EXPECT_GT(plain.mean_wait, nobody.mean_wait) << load;
  }
}

// Jobs of its own partition cannot preempt it: it gives back by itself, but backfill has planned around it meanwhile.
// For each hour of work others wait less than a quarter as much longer as for that of an ordinary job.
TEST(SpareSimulation, WhereNobodyPreemptsItItDelaysOthersLessThanAnOrdinaryJob) {
  for (const double load : {0.5, 0.85}) {
    const auto jobs = stream(17, load);
    const Result nobody = Cluster(jobs, How::kNobody, false).run();
    const Result plain = Cluster(jobs, How::kPlain, false).run();
    const Result spare = Cluster(jobs, How::kSpare, false).run();
    print("spare, not preempted", load, spare);
    const auto delay = [&](const Result& result) {
      return (result.mean_wait - nobody.mean_wait) / result.work_per_hour;
    };
    EXPECT_LT(delay(spare), 0.25 * delay(plain)) << load;
    EXPECT_GT(spare.work_per_hour, (load < 0.8 ? 1 : 0.85) * plain.work_per_hour) << load;
  }
}

}  // namespace
}  // namespace trireme::slurm
