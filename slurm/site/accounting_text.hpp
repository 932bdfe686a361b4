// Parses Slurm's accounting: qualities of service, and a user's share of the cluster.
#pragma once

#include <string>
#include <vector>

#include "slurm/queue/command.hpp"
#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// One account that the user may charge (sshare(1)).
struct FairShare {
  std::string account;
  std::string raw_shares;       ///< as the administrator gave them: a number or "parent"
  double normalized_share = 0;  ///< 0..1: share among the account's users (Fair Tree, the default), else of the cluster
  double usage = 0;             ///< effective usage, 0..1, on the same scale
  double factor = 0;            ///< fair-share factor, 0..1: the higher, the sooner a job starts; usage lowers it
  std::string user = {};        ///< who may charge it
};

/// The columns that parse_fair_shares() reads.
inline constexpr const char* kShareFormat = "Account,User,RawShares,NormShares,EffectvUsage,FairShare";

/// Parses the answer of sshare --noheader --parsable2 with these columns; skips lines of accounts without a user.
std::vector<FairShare> parse_fair_shares(const std::string& text);

/// Asks sshare about the calling user. Nothing when it is missing or does not answer.
std::optional<std::vector<FairShare>> read_fair_shares(const RunCommand& run);

/// The columns that parse_qos() reads.
inline constexpr const char* kQosFormat = "Name,Preempt,PreemptMode,GraceTime,MaxWall,Priority";

/// Parses the answer of sacctmgr --noheader --parsable2 show qos with these columns. `config` is that of scontrol show
/// config: its PreemptType decides whether QOS preempt each other, and its PreemptMode is what "cluster" stands for.
std::vector<Qos> parse_qos(const std::string& text, const std::map<std::string, std::string>& config);

}  // namespace trireme::slurm
