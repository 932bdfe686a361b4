#include "launcher/doctor/clock_offset.hpp"
#include "base/clock.hpp"

#include <algorithm>

namespace trireme::doctor {
namespace {

using collectives::DataType;

constexpr int kQuestions = 8;

std::vector<ClockExchange> ask(collectives::Communicator& control, int peer) {
  std::vector<ClockExchange> exchanges;
  for (int i = 0; i < kQuestions; ++i) {
    ClockExchange exchange;
    exchange.sent = base::wall_time();
    control.send(&exchange.sent, 1, DataType::kFloat64, peer);
    control.receive(&exchange.remote, 1, DataType::kFloat64, peer);
    exchange.received = base::wall_time();
    exchanges.push_back(exchange);
  }
  return exchanges;
}

void answer(collectives::Communicator& control) {
  for (int i = 0; i < kQuestions; ++i) {
    double question = 0;
    control.receive(&question, 1, DataType::kFloat64, 0);
    const double time = base::wall_time();
    control.send(&time, 1, DataType::kFloat64, 0);
  }
}

}  // namespace

ClockOffset offset_of(const std::vector<ClockExchange>& exchanges) {
  const ClockExchange& best = *std::min_element(
      exchanges.begin(), exchanges.end(),
      [](const ClockExchange& a, const ClockExchange& b) { return a.received - a.sent < b.received - b.sent; });
  return {best.remote - (best.sent + best.received) / 2, (best.received - best.sent) / 2};
}

void measure_clocks(collectives::Communicator& control, std::vector<Node>& nodes) {
  for (Node& node : nodes) {
    const int leader = node.ranks.front();
    if (leader == 0) continue;
    if (control.rank() == leader) answer(control);
    if (control.rank() != 0) continue;
    const ClockOffset offset = offset_of(ask(control, leader));
    node.clock_seconds = offset.seconds;
    node.clock_error_seconds = offset.error_seconds;
  }
}

}  // namespace trireme::doctor
