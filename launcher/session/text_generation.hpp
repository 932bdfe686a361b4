// Text that the model of a session writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/session/sampling.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// Collective: appends up to `count` tokens to `tokens` (not empty, together within the model's sequence) and stops
/// before `end`, if that is given. All ranks return the same tokens, the given ones first.
std::vector<std::uint32_t> continue_tokens(Session& session, std::vector<std::uint32_t> tokens, std::int64_t count,
                                           const Sampling& sampling, std::optional<std::uint32_t> end);

/// How many tokens can follow `prompt` within the model's sequence. Throws base::InputError naming `key` when the
/// prompt is empty or leaves no room.
std::int64_t room_after(const std::vector<std::uint32_t>& prompt, std::int64_t sequence, const std::string& key);

}  // namespace trireme::launcher
