#include "slurm/queue/pending_reason.hpp"

#include <algorithm>
#include <cctype>

namespace trireme::slurm {
namespace {

struct Words {
  const char* start;  ///< the beginning of the reason
  const char* text;
};

// When several starts match, the longest counts.
constexpr Words kWords[] = {
    {"Priority", "other jobs go first"},
    {"Resources", "next in line, until enough nodes are free"},
    {"BeginTime", "held until its begin time"},
    {"Dependency", "until the job before it ends"},
    {"DependencyNeverSatisfied", "never starts: the job it depends on ended otherwise than asked; cancel it"},
    {"ReqNodeNotAvail", "nodes that it asks for are down, drained or reserved"},
    {"JobHeldUser", "held by its owner: scontrol release starts it"},
    {"JobHeldAdmin", "held by an administrator: ask them"},
    {"job requeued in held state", "held: scontrol release starts it"},
    {"JobArrayTaskLimit", "until other tasks of its array end"},
    {"Reservation", "until its reservation begins"},
    {"Licenses", "until licenses are free"},
    {"PartitionTimeLimit", "never starts: it asks for more time than the partition allows"},
    {"PartitionNodeLimit", "never starts: it asks for more or fewer nodes than the partition allows"},
    {"PartitionDown", "the partition is down"},
    {"PartitionInactive", "the partition takes no jobs now"},
    {"NodeDown", "a node that it asks for is down"},
    {"BadConstraints", "never starts: no node has what it asks for"},
    {"InvalidAccount", "never starts: its account is not valid"},
    {"InvalidQOS", "never starts: its quality of service is not valid"},
    {"Cleaning", "requeued, and still being cleaned up"},
    {"launch failed requeued held", "held after it failed to launch: scontrol release starts it"},
    {"QOSMaxJobs", "the quality of service lets no more of your jobs run at once"},
    {"QOSGrp", "the quality of service is used up by all its users together"},
    {"QOSMax", "it is above a limit of its quality of service"},
    {"QOS", "a limit of its quality of service"},
    {"AssocMaxJobs", "your account lets no more of your jobs run at once"},
    {"AssocGrp", "your account's share is used up by all its users together"},
    {"Assoc", "a limit of your account"},
    {"MaxMemPerLimit", "never starts: it asks for more memory than a processor may have"},
};

}  // namespace

std::string explain_reason(const std::string& reason, bool requeued) {
  std::string word = reason;
  if (word.size() >= 2 && word.front() == '(' && word.back() == ')') word = word.substr(1, word.size() - 2);
  if (word == "BeginTime" && requeued) return "requeued: Slurm holds it for about two minutes";
  const Words* best = nullptr;
  for (const Words& words : kWords) {
    const std::string start = words.start;
    if (word.starts_with(start) && (best == nullptr || start.size() > std::string(best->start).size())) best = &words;
  }
  if (best == nullptr) return word == "None" ? "" : word;
  return best->text;
}

bool is_held(const std::string& reason) {
  std::string lower = reason;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("held") != std::string::npos;
}

}  // namespace trireme::slurm
