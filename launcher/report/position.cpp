#include "launcher/report/position.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "launcher/run_directory/trained_hours.hpp"

namespace trireme::launcher {

void Positions::add(std::int64_t step, std::optional<double> tokens, std::optional<double> time) {
  if (newest_ && newest_->step == step) return;  // a validation of the same step
  while (!kept_.empty() && kept_.back().step >= step) kept_.pop_back();
  if (newest_ && newest_->step >= step) newest_ = kept_.empty() ? std::nullopt : std::optional(kept_.back());
  Position now = newest_.value_or(Position{});
  now.step = step;
  if (tokens) {
    now.tokens = *tokens;
    tokens_ = true;
  }
  if (time) {
    const bool follows = newest_ && newest_->time > 0;
    now.seconds += trained_seconds(follows ? std::optional(newest_->time) : std::nullopt, *time, starts_);
    now.time = *time;
    times_ = true;
  }
  newest_ = now;
  if (seen_++ % stride_ != 0) return;
  if (kept_.size() == kMost) {
    for (std::size_t i = 0; 2 * i < kMost; ++i) kept_[i] = kept_[2 * i];
    kept_.resize(kMost / 2);
    stride_ *= 2;
  }
  kept_.push_back(now);
}

void Positions::append_to(std::string& json) const {
  base::Json steps = base::Json::array(), tokens = base::Json::array(), hours = base::Json::array();
  std::vector<Position> all = kept_;
  if (newest_ && (all.empty() || all.back().step < newest_->step)) all.push_back(*newest_);
  for (const Position& position : all) {
    steps.push_back(position.step);
    if (tokens_) tokens.push_back(position.tokens);
    if (times_) hours.push_back(position.seconds / 3600.0);
  }
  base::Json axes = {{"steps", steps}};
  if (tokens_ && std::ranges::is_sorted(all, {}, &Position::tokens)) axes["tokens"] = tokens;
  if (times_) axes["hours"] = hours;
  json += axes.dump();
}

}  // namespace trireme::launcher
