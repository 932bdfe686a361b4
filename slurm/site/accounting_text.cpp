#include "slurm/site/accounting_text.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "slurm/queue/duration.hpp"
#include "slurm/site/partition_text.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {
namespace {

constexpr std::size_t kShareColumns = 6;
constexpr std::size_t kQosColumns = 6;

double real(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::vector<std::string>> rows(const std::string& text, std::size_t columns) {
  std::vector<std::vector<std::string>> table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells = split(line, '|');
    if (cells.size() == columns) table.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

std::vector<FairShare> parse_fair_shares(const std::string& text) {
  std::vector<FairShare> shares;
  for (const auto& cells : rows(text, kShareColumns)) {
    if (cells[1].empty()) continue;
    shares.push_back({cells[0], cells[2], real(cells[3]), real(cells[4]), real(cells[5]), cells[1]});
  }
  return shares;
}

std::optional<std::vector<FairShare>> read_fair_shares(const RunCommand& run) {
  const auto answer =
      output_of(run, {"sshare", "-U", "--noheader", "--parsable2", std::string("--format=") + kShareFormat});
  if (!answer) return std::nullopt;
  return parse_fair_shares(*answer);
}

std::vector<Qos> parse_qos(const std::string& text, const std::map<std::string, std::string>& config) {
  const auto table = rows(text, kQosColumns);
  const bool by_qos = field(config, "PreemptType") == "preempt/qos";
  const PreemptMode cluster = parse_preempt_mode(field(config, "PreemptMode"));
  std::vector<Qos> list;
  for (const auto& cells : table) {
    Qos qos;
    qos.name = cells[0];
    qos.grace = parse_duration(cells[3]).value_or(0);
    qos.time_limit = parse_duration(cells[4]);
    qos.priority = static_cast<std::int64_t>(real(cells[5]));
    for (const auto& other : table) {
      const std::vector<std::string> victims = split(other[1], ',');
      if (by_qos && std::count(victims.begin(), victims.end(), qos.name) > 0) qos.preempted_by.push_back(other[0]);
    }
    const std::string mode = lower(cells[2]);
    if (!qos.preempted_by.empty()) {
      qos.preempt_mode = mode.empty() || mode == "cluster" ? cluster : parse_preempt_mode(mode);
    }
    list.push_back(std::move(qos));
  }
  return list;
}

}  // namespace trireme::slurm
