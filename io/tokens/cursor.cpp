#include "io/tokens/cursor.hpp"

#include "base/checksum.hpp"
#include "base/error.hpp"

namespace trireme::tokens {
namespace {

// The order of samples belongs to the data: a position in the old data means nothing in other data.
constexpr const char* kElse =
    "or start another run (run.dir) with model.init_from = that checkpoint, which takes its weights and begins with "
    "the "
    "first sample";

std::string joined(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const auto number : numbers) text += base::str(text.empty() ? "" : ":", number);
  return text.empty() ? "none" : text;
}

}  // namespace

base::Json to_json(const Cursor& cursor) {
  return {{"fingerprints", cursor.fingerprints},
          {"blend", cursor.blend},
          {"sequence", cursor.sequence},
          {"seed", cursor.seed},
          {"consumed_samples", cursor.consumed_samples},
          {"skipped", to_json(cursor.skipped)}};
}

Cursor cursor_from_json(const base::Json& json) {
  try {
    return {json.at("fingerprints").get<std::vector<std::string>>(), json.at("blend").get<std::vector<std::uint64_t>>(),
            json.at("sequence").get<std::int64_t>(), json.at("seed").get<std::uint64_t>(),
            json.at("consumed_samples").get<std::uint64_t>(),
            // Version 0.1 before it could skip wrote none.
            json.contains("skipped") ? skipped_samples_from_json(json["skipped"]) : SkippedSamples{}};
  } catch (const base::Json::exception& error) {
    throw base::Error(base::str("the data cursor of the checkpoint is damaged: ", error.what()));
  }
}

std::string order_id(const Cursor& cursor) {
  Cursor start = cursor;
  start.consumed_samples = 0;
  start.skipped = {};
  return base::xxh3_hex(base::to_line(to_json(start))).substr(0, 16);
}

void check_resumable(const Cursor& saved, const Cursor& now) {
  if (saved.sequence != now.sequence) {
    throw base::InputError(base::str("model.sequence = ", now.sequence, " differs from the checkpoint's ",
                                     saved.sequence, ": set it back, ", kElse));
  }
  if (saved.fingerprints.size() != now.fingerprints.size()) {
    throw base::InputError(base::str("data.train names ", now.fingerprints.size(),
                                     " datasets, the checkpoint was made with ", saved.fingerprints.size(),
                                     ": name the same ones, ", kElse));
  }
  for (std::size_t i = 0; i < saved.fingerprints.size(); ++i) {
    if (saved.fingerprints[i] != now.fingerprints[i]) {
      throw base::InputError(base::str("data.train: dataset ", i + 1, " has fingerprint ", now.fingerprints[i],
                                       ", the checkpoint was made with ", saved.fingerprints[i],
                                       ": name the same dataset, ", kElse));
    }
  }
  if (saved.blend != now.blend) {
    throw base::InputError(base::str("data.train: the weights are ", joined(now.blend),
                                     ", the checkpoint was made with ", joined(saved.blend), ": set them back, ",
                                     kElse));
  }
  if (saved.seed != now.seed) {
    throw base::InputError(base::str("run.seed = ", now.seed, " differs from the checkpoint's ", saved.seed,
                                     ", and the order of the samples with it: set it back, ", kElse));
  }
}

}  // namespace trireme::tokens
