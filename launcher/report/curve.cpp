#include "launcher/report/curve.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace trireme::launcher {
namespace {

constexpr int kShownDigits = 7;
constexpr int kAllDigits = 17;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

void append_number(double value, int digits, std::string& json) {
  if (!std::isfinite(value)) {
    json += "null";
    return;
  }
  char text[40];
  const auto done = std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits);
  json.append(text, done.ptr);
}

void append_whole(std::int64_t value, std::string& json) {
  char text[24];
  json.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_point(const char* name, const std::optional<CurvePoint>& point, std::string& json) {
  if (!point) return;
  json += std::string(",\"") + name + "\":[";
  append_whole(point->step, json);
  json += ',';
  append_number(point->value, kAllDigits, json);
  json += ']';
}

}  // namespace

void Curve::Bucket::take(std::int64_t step, double value) {
  if (taken == 0) first_step = step;
  last_step = step;
  ++taken;
  const CurvePoint point{step, value};
  if (!std::isfinite(value)) {
    if (gaps++ == 0) gap = {step, kNone};
    if (!tail) tail = step;
    return;
  }
  if (count == 0) first = low = high = point;
  if (value < low.value) low = point;
  if (value > high.value) high = point;
  last = point;
  sum += value;
  ++count;
  tail.reset();
}

void Curve::Bucket::join(const Bucket& later) {
  last_step = later.last_step;
  taken += later.taken;
  if (gaps == 0) gap = later.gap;
  gaps += later.gaps;
  if (later.count > 0 || !tail) tail = later.tail;
  if (later.count == 0) return;
  if (count == 0) {
    first = later.first;
    low = later.low;
    high = later.high;
  }
  if (later.low.value < low.value) low = later.low;
  if (later.high.value > high.value) high = later.high;
  last = later.last;
  sum += later.sum;
  count += later.count;
}

std::vector<CurvePoint> Curve::Bucket::extremes() const {
  std::vector<CurvePoint> points;
  if (count > 0) {
    points.push_back(low);
    if (high.step != low.step) points.push_back(high);
  }
  if (gaps > 0) points.push_back(gap);
  return points;
}

Curve::Curve(std::size_t most_buckets) : most_(std::max<std::size_t>(2, most_buckets / 2 * 2)) {}

void Curve::add(std::int64_t step, double value) {
  if (!buckets_.empty() && step <= buckets_.back().last_step) go_back(step);
  if (buckets_.empty() || buckets_.back().taken >= stride_) {
    if (buckets_.size() == most_) join_neighbours();
    if (buckets_.empty() || buckets_.back().taken >= stride_) buckets_.emplace_back();
  }
  buckets_.back().take(step, value);
}

void Curve::go_back(std::int64_t step) {
  while (!buckets_.empty() && buckets_.back().first_step >= step) buckets_.pop_back();
  if (buckets_.empty() || buckets_.back().last_step < step) return;
  const Bucket cut = buckets_.back();
  std::vector<CurvePoint> kept = cut.extremes();
  if (cut.count > 0) kept.push_back(cut.first);
  std::erase_if(kept, [&](const CurvePoint& point) { return point.step >= step; });
  std::ranges::sort(kept, {}, &CurvePoint::step);
  Bucket rest;
  for (const CurvePoint& point : kept) {
    if (rest.taken == 0 || point.step != rest.last_step) rest.take(point.step, point.value);
  }
  buckets_.pop_back();
  if (rest.taken == 0) return;
  rest.taken = stride_;  // the next value begins a new bucket
  buckets_.push_back(rest);
}

void Curve::join_neighbours() {
  for (std::size_t i = 0; i < buckets_.size() / 2; ++i) {
    buckets_[i] = buckets_[2 * i];
    buckets_[i].join(buckets_[2 * i + 1]);
  }
  buckets_.resize(buckets_.size() / 2);
  stride_ *= 2;
}

std::vector<CurvePoint> Curve::points() const {
  std::vector<CurvePoint> points;
  for (const Bucket& bucket : buckets_) {
    std::vector<CurvePoint> own = bucket.extremes();
    if (bucket.count > 0 && &bucket == &buckets_.front()) own.push_back(bucket.first);
    if (bucket.count > 0 && &bucket == &buckets_.back()) own.push_back(bucket.last);
    std::ranges::sort(own, {}, &CurvePoint::step);
    for (const CurvePoint& point : own) {
      if (points.empty() || points.back().step != point.step) points.push_back(point);
    }
  }
  return points;
}

std::vector<CurvePoint> Curve::means() const {
  std::vector<CurvePoint> means;
  for (const Bucket& bucket : buckets_) {
    const std::int64_t middle = bucket.first_step + (bucket.last_step - bucket.first_step) / 2;
    means.push_back({middle, bucket.sum / static_cast<double>(bucket.count)});
  }
  return means;
}

std::uint64_t Curve::count() const {
  std::uint64_t count = 0;
  for (const Bucket& bucket : buckets_) count += bucket.count;
  return count;
}

std::uint64_t Curve::gaps() const {
  std::uint64_t gaps = 0;
  for (const Bucket& bucket : buckets_) gaps += bucket.gaps;
  return gaps;
}

std::optional<CurvePoint> Curve::first() const {
  const auto found = std::ranges::find_if(buckets_, [](const Bucket& bucket) { return bucket.count > 0; });
  return found == buckets_.end() ? std::nullopt : std::optional(found->first);
}

std::optional<CurvePoint> Curve::last() const {
  const auto found = std::find_if(buckets_.rbegin(), buckets_.rend(), [](const Bucket& b) { return b.count > 0; });
  return found == buckets_.rend() ? std::nullopt : std::optional(found->last);
}

std::optional<CurvePoint> Curve::smallest() const {
  std::optional<CurvePoint> found;
  for (const Bucket& bucket : buckets_) {
    if (bucket.count > 0 && (!found || bucket.low.value < found->value)) found = bucket.low;
  }
  return found;
}

std::optional<CurvePoint> Curve::largest() const {
  std::optional<CurvePoint> found;
  for (const Bucket& bucket : buckets_) {
    if (bucket.count > 0 && (!found || bucket.high.value > found->value)) found = bucket.high;
  }
  return found;
}

std::optional<std::int64_t> Curve::gap_since() const {
  std::optional<std::int64_t> since;
  for (auto bucket = buckets_.rbegin(); bucket != buckets_.rend() && bucket->tail; ++bucket) {
    since = bucket->tail;
    if (bucket->count > 0) break;
  }
  return since;
}

void append_steps(const std::vector<CurvePoint>& points, std::string& json) {
  json += '[';
  std::int64_t before = 0;
  for (const CurvePoint& point : points) {
    if (json.back() != '[') json += ',';
    append_whole(point.step - before, json);
    before = point.step;
  }
  json += ']';
}

void append_values(const std::vector<CurvePoint>& points, std::string& json) {
  json += '[';
  for (const CurvePoint& point : points) {
    if (json.back() != '[') json += ',';
    append_number(point.value, kShownDigits, json);
  }
  json += ']';
}

void append_curve(const Curve& curve, std::string& json) {
  const std::vector<CurvePoint> points = curve.points();
  json += "{\"count\":" + std::to_string(curve.count()) + ",\"gaps\":" + std::to_string(curve.gaps()) +
          ",\"per_bucket\":" + std::to_string(curve.values_per_bucket()) + ",\"steps\":";
  append_steps(points, json);
  json += ",\"values\":";
  append_values(points, json);
  if (curve.values_per_bucket() > 1) {
    const std::vector<CurvePoint> means = curve.means();
    json += ",\"mean_steps\":";
    append_steps(means, json);
    json += ",\"means\":";
    append_values(means, json);
  }
  append_point("first", curve.first(), json);
  append_point("last", curve.last(), json);
  append_point("smallest", curve.smallest(), json);
  append_point("largest", curve.largest(), json);
  if (curve.gap_since()) json += ",\"gap_since\":" + std::to_string(*curve.gap_since());
  json += '}';
}

}  // namespace trireme::launcher
