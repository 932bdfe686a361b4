// Tells a late peer from a hang: asks the peers of an operation that takes long whether they have come to it.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "collectives/ops/diagnosis.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// Asks ranks of the world where they are. The result holds one state for each, `answered` false where none came in
/// time, or nothing at all when nobody could be asked. Never breaks its promise.
using AskRanks = std::function<std::future<std::vector<RankState>>(const std::vector<int>& ranks)>;

/// About one operation of a group. Peers that have come to it are asked once; those that have not are asked again,
/// first after a second, later every ten.
class PeerQuestion {
 public:
  /// `own`: this rank in the group. `until`: see awaited(). `since`: when this rank came to it, by the caller's clock.
  PeerQuestion(std::shared_ptr<const GroupTrace> trace, int own, DeviceProgress until, double since);

  enum class Verdict {
    kWait,    ///< some peer is late, or did not answer yet, or has not been there for long enough
    kSilent,  ///< peers gave no answer: silent_text() names them
    kHang,    ///< every peer has been there for longer than the limit
  };
  /// Asks, or looks at the answers; never blocks. `time`: by the caller's clock.
  Verdict look(double time, double limit_seconds, const AskRanks& ask);
  const std::string& silent_text() const { return silent_text_; }

 private:
  Verdict hear(double time, const std::vector<RankState>& states);

  std::shared_ptr<const GroupTrace> trace_;
  int own_;
  DeviceProgress until_;
  std::vector<int> awaited_;  ///< group ranks that are not known to have come
  double last_came_;          ///< when the last of the others came
  double first_asked_ = -1;
  double ask_again_ = 0;
  std::future<std::vector<RankState>> answers_;
  std::string silent_text_;
};

}  // namespace trireme::collectives
