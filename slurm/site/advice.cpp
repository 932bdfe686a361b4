#include "slurm/site/advice.hpp"
#include "base/words.hpp"
#include "slurm/site/slurm_text.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/site/preemption.hpp"

namespace trireme::slurm {
namespace {

using base::str;

// "20 s", "10 min", "2 days", "1-12:00:00".
std::string time_text(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60, kHour = 3600, kDay = 86400;
  if (seconds % kDay == 0 && seconds > 0) return str(seconds / kDay, seconds == kDay ? " day" : " days");
  if (seconds % kHour == 0 && seconds > 0) return str(seconds / kHour, " h");
  if (seconds % kMinute == 0 && seconds > 0) return str(seconds / kMinute, " min");
  return seconds < kMinute * 10 ? str(seconds, " s") : format_slurm_duration(seconds);
}

// Which ranks get a SIGTERM at preemption, and what is done so that they can save.
std::string after_sigterm(const Site& site) {
  if (srun_has_pmix(site)) {
    return "Slurm sends SIGTERM to the job's steps, which would cost mpirun its daemons; with slurm.launcher = auto "
           "Trireme starts the ranks by srun --mpi=pmix here, so that every rank has the whole time to save.";
  }
  if (mpirun_can_wait(site)) {
    return "Slurm sends SIGTERM to the job's steps, which kills mpirun's daemons and the ranks a second later; srun "
           "has no pmix here, so Trireme starts mpirun with the parameters that let the ranks outlive their daemons "
           "(every abnormal end then takes longer).";
  }
  return "Slurm sends SIGTERM to the job's steps, which kills mpirun's daemons and the ranks a second later; srun has "
         "no pmix here and this mpirun cannot be told to wait: count on losing the steps since the last checkpoint.";
}

std::string no_notice(const std::string& end) {
  return str("A preempted job is killed without notice ", end,
             " The steps since the last checkpoint are lost: set checkpoint.every_minutes to what you can afford.");
}

std::string with_notice(const Site& site, const Preemption& preemption) {
  std::string text = str("A preempted job has ", time_text(preemption.grace), " until it is killed. ");
  text += site.send_user_signal
              ? "Slurm then sends the signal that the script asked for (send_user_signal); the script passes it to "
                "the ranks."
              : after_sigterm(site);
  text += " The ranks save at the next step boundary, and the script requeues the job as its last act";
  if (preemption.mode == PreemptMode::kCancel) {
    text +=
        ", which brings it back although Slurm itself would only cancel it. A step and a save that take longer "
        "than that end the job for good: then use trireme submit --chain N.";
  } else if (requeued_when_ended_in_grace(site)) {
    text +=
        "; should the script not get that far, Slurm requeues it. A step and a save that take longer lose the "
        "steps since the last checkpoint.";
  } else {
    text +=
        ", because Slurm before 24.05 takes a job that ends inside its grace for completed. A step and a save "
        "that take longer lose the steps since the last checkpoint; Slurm then requeues the job itself.";
  }
  return text;
}

std::string about_preemption(const Site& site, const Preemption& preemption) {
  if (preemption.mode == PreemptMode::kOff) return "Running jobs are not preempted.";
  std::string text = str("Preempted by: ", base::join(preemption.by), ". ");
  if (preemption.mode == PreemptMode::kSuspend) {
    return text +
           "A preempted job stands still in memory and goes on later; nothing is lost. A pause longer than the "
           "watchdog's limit (at least 10 min) looks like a hang: the attempt ends, and Trireme starts again "
           "from the last checkpoint.";
  }
  if (preemption.grace > 0) {
    text += with_notice(site, preemption);
  } else if (preemption.mode == PreemptMode::kRequeue) {
    text += no_notice("and requeued by Slurm; Trireme resumes by itself.");
  } else {
    text += no_notice("and not requeued: only a chain goes on by itself (trireme submit --chain N).");
  }
  if (site.preempt_exempt_time > 0) {
    text += str(" No job is preempted in its first ", time_text(site.preempt_exempt_time), ".");
  }
  return text;
}

std::string about_time_limit(const Partition& partition) {
  if (!partition.time_limit) {
    return "No limit: a job runs until the training is done. Slurm still starts short jobs sooner (slurm.time).";
  }
  std::string text = str("A job may run for ", time_text(*partition.time_limit), ".");
  if (!partition.over_time_limit) {
    text += " The limit is not enforced (OverTimeLimit = UNLIMITED); Trireme keeps to it all the same.";
  } else if (*partition.over_time_limit > 0) {
    text += str(" Slurm waits ", time_text(*partition.over_time_limit),
                " more before it kills (OverTimeLimit); Trireme does not count on it.");
  }
  return text;
}

class Book {
 public:
  void add(const std::string& topic, const std::string& text, const std::string& subject = "") {
    const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Advice& entry) {
      return entry.topic == topic && entry.text == text && !subject.empty() && !entry.subjects.empty();
    });
    if (same != entries_.end()) {
      same->subjects.push_back(subject);
    } else {
      entries_.push_back({topic, subject.empty() ? std::vector<std::string>() : std::vector{subject}, text});
    }
  }

  std::vector<Advice> entries() && { return std::move(entries_); }

 private:
  std::vector<Advice> entries_;
};

void add_preemption(Book& book, const Site& site) {
  const char* const kTopic = "Preemption";
  if (site.preempt_type != "preempt/qos") {
    for (const Partition& one : site.partitions) {
      book.add(kTopic, about_preemption(site, preemption_of(site, one, "")), one.name);
    }
    return;
  }
  if (site.unknown.count("qos") > 0) {
    book.add(kTopic, "The QOS of a job decides here whether it is preempted, and what QOS there are is not known (" +
                         site.unknown.at("qos") + "): ask your site, and count on being killed without notice.");
    return;
  }
  book.add(kTopic, "Here the QOS of a job decides, not its partition (slurm.qos in the run file).");
  const Partition any;
  for (const Qos& one : site.qos) {
    book.add(kTopic, about_preemption(site, preemption_of(site, any, one.name)), "QOS " + one.name);
  }
}

void add_time_limit(Book& book, const Site& site) {
  if (std::any_of(site.partitions.begin(), site.partitions.end(),
                  [](const Partition& one) { return one.time_limit.has_value(); })) {
    book.add("Time limit",
             "Slurm does not requeue a job that reaches its limit. Trireme stops early enough for a step and a save, "
             "and the script requeues the job: it queues again, with a new limit. trireme submit --chain N puts the "
             "next jobs into the queue in advance.");
  }
  for (const Partition& one : site.partitions) book.add("Time limit", about_time_limit(one), one.name);
  for (const Qos& one : site.qos) {
    if (one.time_limit) {
      book.add("Time limit", str("Jobs of this QOS may run for ", time_text(*one.time_limit), " at most."),
               "QOS " + one.name);
    }
  }
}

void add_node_failure(Book& book, const Site& site) {
  std::string text =
      str("When a rank or its node dies, the others notice within seconds and the script starts again "
          "inside the same allocation, from the last checkpoint; a node that failed twice is left out. "
          "Slurm itself takes a node for dead after ",
          time_text(site.node_timeout), ", kills the job and requeues it");
  text += site.requeue ? "." : ", but only if it asks for that (JobRequeue = 0): Trireme's scripts do (--requeue).";
  book.add("Node failure", text);
  if (site.submit_from_nodes == std::optional(false)) {
    book.add("Node failure",
             "Compute nodes cannot submit jobs here: when too few good nodes are left, the job ends with a sentence "
             "instead of submitting itself elsewhere.");
  } else if (!site.submit_from_nodes) {
    book.add("Node failure",
             "Whether compute nodes may submit jobs is not known: nothing forbids it in Slurm's configuration. When "
             "you know, write it into the site file (slurm.submit_from_nodes).");
  }
}

void add_start(Book& book, const Site& site) {
  const char* const kTopic = "Start";
  const bool pmix = srun_has_pmix(site);
  const auto unknown = site.unknown.find("mpirun_has_slurm");
  if (site.mpirun_version.empty()) {
    book.add(kTopic, str("No mpirun is found here", pmix ? "; srun --mpi=pmix can start the ranks" : "",
                         ". Load its module and run this again, and put the module into [needs] of the site file."));
  } else if (unknown != site.unknown.end()) {
    book.add(kTopic, str("Whether ", site.mpirun_version, " starts its daemons through Slurm is not known (",
                         unknown->second, "): try mpirun hostname in a job of two nodes."));
  } else if (!site.mpirun_has_slurm) {
    book.add(kTopic,
             str(site.mpirun_version, " has no Slurm support and would use ssh, which clusters usually forbid: ",
                 pmix ? "set slurm.launcher = srun." : "load another Open MPI, built with Slurm support."));
  }
  if (!pmix && site.unknown.count("mpi_types") > 0) {
    book.add(kTopic, "What srun --mpi offers is not known (" + site.unknown.at("mpi_types") + "); mpirun is used.");
  }
  for (const Partition& one : site.partitions) {
    if (one.state == "down") book.add(kTopic, "State down: jobs may queue, but none starts.", one.name);
    if (one.state == "drain") book.add(kTopic, "State drain: no new job is taken; queued ones may start.", one.name);
    if (one.state == "inactive") book.add(kTopic, "State inactive: no new job is taken, and none starts.", one.name);
  }
  if (site.max_array_size == 0) book.add(kTopic, "Job arrays are switched off.");
}

void add_accounting(Book& book, const Site& site) {
  if (!site.accounting) {
    book.add("Accounting", "No accounting answers here: trireme submit prints billing units, but not your share.");
  }
  if (site.billing_takes_largest) {
    book.add("Accounting", "A node is billed by its most expensive resource only (PriorityFlags = MAX_TRES).");
  }
}

}  // namespace

std::vector<Advice> advise(const Site& site) {
  Book book;
  add_preemption(book, site);
  add_time_limit(book, site);
  add_node_failure(book, site);
  add_start(book, site);
  add_accounting(book, site);
  return std::move(book).entries();
}

}  // namespace trireme::slurm
