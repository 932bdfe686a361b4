#include "launcher/attempt/recording.hpp"

#include <iterator>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/tokens/cursor.hpp"

namespace trireme::launcher {
namespace {

std::string origin_of(const Start& start) {
  if (const auto step = start.resumed_from()) return base::str("checkpoints/step_", *step);
  if (start.position.step > 0) return "fast_dir";
  return start.weights.empty() ? "scratch" : std::filesystem::absolute(start.weights).lexically_normal().string();
}

}  // namespace

AttemptRecord describe_for_record(base::FileSystem& files, int attempt, const RunInput& input, Session& session,
                                  const Start& start) {
  const options::RunOptions& options = input.options();
  AttemptRecord record = record_of_here();
  record.attempt = attempt;
  record.options = options::to_ini(options::lasting(options));
  record.datasets = describe_datasets("data.train", options.data.train, input.train->datasets());
  if (input.valid) {
    std::ranges::move(describe_datasets("data.valid", options.data.valid, input.valid->datasets()),
                      std::back_inserter(record.datasets));
  }
  record.tokenizer = input.train->tokenizer_hash();
  record.layout = topology::to_string(input.resolved.degrees);
  record.ranks = session.world().size();
  record.ranks_per_node = session.ranks_on_node();
  record.threads = session.processor().threads;
  record.device = session.device().cuda() ? "cuda" : "cpu";
  record.first_step = start.position.step;
  record.from = origin_of(start);
  if (!start.weights.empty()) {
    const std::filesystem::path manifest = start.weights / checkpoint::kManifestName;
    record.init_digest = base::xxh3_hex(files.exists(manifest) ? files.read_all(manifest) : start.hub);
  }
  record.order = tokens::order_id(input.train->cursor(0));
  record.hosts = session.hosts();
  record.directory = std::filesystem::absolute(options.run.dir).lexically_normal().string();
  return record;
}

}  // namespace trireme::launcher
