#include "io/checkpoint/save/shard_tuning.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"

namespace trireme::checkpoint {
namespace {

std::string gigabytes_per_second(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GB/s", rate / 1e9);
  return text;
}

std::string counted(int files) { return base::str(files, files == 1 ? " file" : " files"); }

}  // namespace

ShardTuning::ShardTuning(int most, int start) {
  for (int files = 1; files < most; files *= 2) tried_.push_back({files, 0});
  tried_.push_back({std::max(most, 1), 0});
  const int from = start > 0 ? start : kFirst;
  while (at_ + 1 < tried_.size() && tried_[at_ + 1].files <= from) ++at_;
  best_ = at_;
  settled_ = tried_.size() == 1;
}

void ShardTuning::saved(std::uint64_t bytes, double seconds) {
  if (settled_) return;
  constexpr double kLeast = 1e-9;
  Tried& now = tried_[at_];
  now.rate = std::max(now.rate, static_cast<double>(bytes) / std::max(seconds, kLeast));
  if (++saves_ < kSavesEach) return;
  saves_ = 0;
  judge();
}

void ShardTuning::judge() {
  const double now = tried_[at_].rate, before = tried_[best_].rate;
  const bool more = at_ > best_;
  if (at_ != best_ && (more ? now >= kFaster * before : before < kFaster * now)) {
    best_ = at_;
    more_won_ = more_won_ || more;
  } else if (at_ != best_ && (!more || more_won_)) {
    settled_ = true;
  }
  keep_going();
}

void ShardTuning::keep_going() {
  const auto is_new = [&](std::size_t index) { return index < tried_.size() && tried_[index].rate == 0; };
  if (!settled_ && is_new(best_ + 1)) {
    at_ = best_ + 1;
  } else if (!settled_ && !more_won_ && best_ > 0 && is_new(best_ - 1)) {
    at_ = best_ - 1;
  } else {
    settled_ = true;
    at_ = best_;
  }
}

std::string ShardTuning::reason() const {
  if (tried_.size() == 1 || !settled_) return "";
  std::string others;
  for (const Tried& tried : tried_) {
    if (tried.files == files() || tried.rate == 0) continue;
    others += base::str(others.empty() ? "; " : ", ", counted(tried.files), " ", gigabytes_per_second(tried.rate));
  }
  return base::str("each node writes ", counted(files()),
                   " per checkpoint from now on: ", gigabytes_per_second(tried_[at_].rate), others,
                   " (more files only where they are a tenth faster; checkpoint.shards_per_node = N fixes it)");
}

}  // namespace trireme::checkpoint
