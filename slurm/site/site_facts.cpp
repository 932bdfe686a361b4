#include "slurm/site/site_facts.hpp"

#include "base/error.hpp"
#include "base/words.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/site/accounting_text.hpp"
#include "slurm/site/mpi_text.hpp"
#include "slurm/site/node_text.hpp"
#include "slurm/site/partition_text.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {
namespace {

using base::str;
using Words = std::vector<std::string>;

// Why a command gave no answer: "sinfo is not installed here", "sinfo --exact failed: no controller".
std::string why_not(const Words& words, const std::optional<CommandResult>& result) {
  if (!result) return words.front() + " is not installed here";
  const std::string first_line = base::trimmed(result->error.substr(0, result->error.find('\n')));
  return str(base::join(words, " "), " failed",
             first_line.empty() ? str(" with code ", result->exit_code) : ": " + first_line);
}

bool worked(const std::optional<CommandResult>& result) { return result && result->exit_code == 0; }

// scontrol prints its errors to either stream and sometimes ends with 0, so the answer must contain `mark`.
std::string required(const RunCommand& run, const Words& words, const std::string& mark) {
  const auto result = run(words);
  if (worked(result) && result->output.find(mark) != std::string::npos) return result->output;
  throw base::Error(str(why_not(words, result), "; try again when Slurm's controller answers (scontrol ping)"));
}

class Reader {
 public:
  explicit Reader(const RunCommand& run) : run_(run) {}

  // Returns standard output. When the command fails, returns nothing and records the reason under each name.
  std::optional<std::string> ask(const Words& words, const Words& facts) {
    const auto result = run_(words);
    if (worked(result)) return result->output;
    for (const std::string& fact : facts) site.unknown[fact] = why_not(words, result);
    return std::nullopt;
  }

  void config(const Fields& config);
  void nodes();
  void mpi();
  void accounting(const Fields& config);

  Site site;

 private:
  const RunCommand& run_;
};

void Reader::config(const Fields& config) {
  site.cluster = field(config, "ClusterName");
  site.slurm_version = field(config, "SLURM_VERSION");
  site.preempt_type = field(config, "PreemptType");
  // The setting is in PreemptParameters (send_user_signal) from 23.02 on, before that in SlurmctldParameters
  // (preempt_send_user_signal).
  const std::string parameters = field(config, "PreemptParameters") + "," + field(config, "SlurmctldParameters");
  site.send_user_signal = parameters.find("send_user_signal") != std::string::npos;
  site.requeue = leading_number(field(config, "JobRequeue")).value_or(1) != 0;
  site.kill_wait = leading_number(field(config, "KillWait")).value_or(site.kill_wait);
  // "-00:00:01" means none.
  site.preempt_exempt_time = parse_duration(field(config, "PreemptExemptTime")).value_or(0);
  site.node_timeout = leading_number(field(config, "SlurmdTimeout")).value_or(site.node_timeout);
  site.max_array_size = leading_number(field(config, "MaxArraySize")).value_or(site.max_array_size);
  site.mpi_default = field(config, "MpiDefault");
  site.billing_takes_largest = field(config, "PriorityFlags").find("MAX_TRES") != std::string::npos;
}

void Reader::nodes() {
  // --all includes hidden partitions and those of other groups, as scontrol does.
  const auto answer =
      ask({"sinfo", "--noheader", "--all", "--exact", std::string("--format=") + kSinfoFormat}, {"nodes"});
  if (!answer) return;
  const auto kinds = parse_sinfo(*answer);
  for (Partition& partition : site.partitions) {
    const auto found = kinds.find(partition.name);
    if (found != kinds.end()) set_nodes(partition, found->second);
  }
}

void Reader::mpi() {
  const Words list = {"srun", "--mpi=list"};
  const auto types = run_(list);
  if (worked(types)) {
    site.mpi_types = parse_mpi_types(types->output + types->error);
  } else {
    site.unknown["mpi_types"] = why_not(list, types);
  }
  const auto version = ask({"mpirun", "--version"}, {"mpirun_version", "mpirun_has_slurm"});
  if (!version) return;
  site.mpirun_version = parse_mpirun_version(*version);
  auto support = parse_slurm_support(*version);
  // Open MPI's own program knows it up to version 4, PRRTE's from version 5 on.
  for (const char* program : {"ompi_info", "prte_info"}) {
    if (support || !site.mpirun_version.starts_with("Open MPI")) break;
    if (const auto answer = output_of(run_, {program})) support = parse_slurm_support(*answer);
  }
  site.mpirun_has_slurm = support.value_or(false);
  if (!support) site.unknown["mpirun_has_slurm"] = "neither mpirun nor its info program tells";
}

void Reader::accounting(const Fields& config) {
  const std::string storage = field(config, "AccountingStorageType");
  if (storage.empty() || storage == "accounting_storage/none") return;
  const auto qos = ask({"sacctmgr", "--noheader", "--parsable2", "show", "qos", std::string("format=") + kQosFormat},
                       {"accounting", "qos"});
  if (!qos) return;
  site.qos = parse_qos(*qos, config);
  site.accounting = read_fair_shares(run_).has_value();
  if (!site.accounting) site.unknown["fair_share"] = "sshare is missing or does not answer";
}

}  // namespace

std::optional<Site> read_site(const RunCommand& run) {
  const Words show_config = {"scontrol", "show", "config"};
  auto first = run(show_config);
  if (!first) return std::nullopt;
  const Fields config = parse_config(required([&](const Words&) { return first; }, show_config, "SLURM_VERSION"));
  const std::string partitions =
      required(run, {"scontrol", "--all", "--oneliner", "show", "partition"}, "PartitionName=");
  Reader reader(run);
  reader.config(config);
  reader.site.partitions = parse_partitions(partitions, config);
  reader.site.submit_from_nodes = nodes_may_submit(partitions);
  reader.nodes();
  reader.mpi();
  reader.accounting(config);
  return reader.site;
}

}  // namespace trireme::slurm
