// What a person reads of saves. Durations in seconds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "io/checkpoint/save/save_info.hpp"

namespace trireme::launcher {

/// "saved runs/a/checkpoints/step_80 (24.2 MB in 53 ms, of which the training waited 1 ms)".
std::string saved_text(const checkpoint::SaveResult& saved, double stall);
std::string not_saved_text(const checkpoint::SaveResult& failed);

/// The same for saves to the fast tier: the first one, and the first after that went wrong or came right.
std::string fast_saved_text(const checkpoint::SaveResult& saved, double stall);
std::string fast_not_saved_text(const checkpoint::SaveResult& failed);

/// A save by checkpoint.every_steps waited for the one before.
std::string waited_text(double seconds, std::int64_t every_steps);

/// A request that was honoured stays where it is.
std::string request_stays_text(const std::filesystem::path& request);

}  // namespace trireme::launcher
