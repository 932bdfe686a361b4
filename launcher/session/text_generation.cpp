#include "launcher/session/text_generation.hpp"

#include "base/error.hpp"

namespace trireme::launcher {

// Every rank computes the same logits up to rounding; rank 0's choice is everyone's.
std::vector<std::uint32_t> continue_tokens(Session& session, std::vector<std::uint32_t> tokens, std::int64_t count,
                                           const Sampling& sampling, std::optional<std::uint32_t> end) {
  const auto prompt = std::ssize(tokens);
  session.trainer().start_generation(1, prompt + count);
  std::vector<std::int64_t> input(tokens.begin(), tokens.end());
  for (std::int64_t made = 0; made < count; ++made) {
    const std::vector<float> logits = session.next_logits(input);
    std::int64_t next = choose_token(logits, sampling, prompt + made);
    session.world().control().broadcast(&next, 1, collectives::DataType::kInt64, 0);
    if (end && next == *end) break;
    tokens.push_back(static_cast<std::uint32_t>(next));
    input = {next};
  }
  session.trainer().end_generation();
  return tokens;
}

std::int64_t room_after(const std::vector<std::uint32_t>& prompt, std::int64_t sequence, const std::string& key) {
  if (prompt.empty()) throw base::InputError(key + " is empty: give at least one character");
  const std::int64_t room = sequence - std::ssize(prompt);
  if (room < 1) {
    throw base::InputError(
        base::str(key, " has ", prompt.size(), " tokens, and the model's sequence is ", sequence, ": shorten it"));
  }
  return room;
}

}  // namespace trireme::launcher
