#include "launcher/attempt/restore.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/words.hpp"
#include "collectives/ops/text.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/ranks/together.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "launcher/attempt/begun.hpp"
#include "launcher/console/format.hpp"
#include "launcher/hub/weights.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/checkpoint_bridge.hpp"
#include "launcher/session/model_source.hpp"

namespace trireme::launcher {
namespace {

// What must not change between attempts is checked; a line for everything that did change.
void compare_with_saved(const checkpoint::Manifest& manifest, const RunInput& input, const base::Log& log) {
  const options::RunOptions saved = options::parse_run_options(manifest.options, "the checkpoint's options");
  for (const std::string& change : options::compare_on_resume(
           saved, input.options(), manifest.extra.value("tokenizer_hash", ""), input.train->tokenizer_hash())) {
    log.info("changed   " + change);
  }
  input.train->resume(tokens::cursor_from_json(manifest.cursor));
}

// Says why a word of checkpoint.allow had nothing to allow.
std::string idle_word(const std::string& word) {
  const bool slot = word.starts_with(checkpoint::kSlot);
  if (word == base::str(checkpoint::kSlot, checkpoint::kParam)) {
    return word + " allows nothing: parameters are allowed by their own names";
  }
  return word + (slot ? " names no slot, neither of the checkpoint nor of this run's optimizers"
                      : " names no tensor, neither of the checkpoint nor of the model");
}

void describe_differences(const checkpoint::LoadResult& loaded, const base::Log& log) {
  for (const std::string& name : loaded.missing) log.info(base::str("initial   ", name, ": not in the checkpoint"));
  for (const std::string& name : loaded.unexpected) log.info(base::str("left out  ", name, ": not in the model"));
  for (const std::string& name : loaded.grown) log.info("grown     " + name);
  for (const std::string& word : loaded.unknown) log.warn("checkpoint.allow: " + idle_word(word));
}

Position position_of(const checkpoint::Manifest& manifest) {
  const tokens::Cursor cursor = tokens::cursor_from_json(manifest.cursor);
  return {manifest.step, cursor.consumed_samples, manifest.extra.value("skipped_steps", std::int64_t{0}),
          cursor.skipped, manifest.extra.value("recent_losses", RecentLosses{})};
}

// What earlier attempts left out after the checkpoint that this one goes on from, as the ledger tells rank 0.
tokens::SkippedSamples skipped_before(collectives::MpiWorld& world, const AttemptParts& parts) {
  const std::string order = tokens::order_id(parts.input.train->cursor(0));
  tokens::SkippedSamples skipped;
  for (const slurm::Attempt& attempt : parts.keeper->attempts()) {
    for (const slurm::HealthEvent& event : attempt.health) {
      const bool left_out = event.action == slurm::kSkipped || event.action == slurm::kRolledBack;
      if (!left_out || event.order != order || event.first_sample < 0 || event.last_sample < event.first_sample ||
          event.last_sample > tokens::kLastPosition) {
        continue;
      }
      skipped.add({static_cast<std::uint64_t>(event.first_sample), static_cast<std::uint64_t>(event.last_sample)});
    }
  }
  const std::string all = collectives::share_text(world.control(), base::to_line(tokens::to_json(skipped)));
  return tokens::skipped_samples_from_json(base::Json::parse(all));
}

void add_skipped(Session& session, const AttemptParts& parts, Position& position) {
  position.skipped.add(parts.input.skip);
  position.skipped.add(skipped_before(session.world(), parts));
  std::vector<std::string> ahead;
  for (const tokens::SampleRange& range : position.skipped.ranges()) {
    if (range.last >= position.consumed_samples) ahead.push_back(tokens::to_string(range));
  }
  if (!ahead.empty()) parts.log.info("skips     samples " + base::join(ahead));
}

std::int64_t newest_saved_step(Session& session, base::FileSystem& files, const std::string& run_directory) {
  std::int64_t step = 0;
  on_rank_0(session.world(), [&] {
    const auto steps = checkpoint::committed_steps(files, run_directory);
    step = steps.empty() ? 0 : steps.back();
  });
  session.world().control().broadcast(&step, 1, collectives::DataType::kInt64, 0);
  return step;
}

// HUB.json of the checkpoint, on rank 0; any rank may be the one that sees it. The load has verified it.
std::string hub_text(checkpoint::Coordinator& coordinator, base::FileSystem& files, const checkpoint::Reader& reader) {
  const auto& listed = reader.manifest().files;
  if (std::ranges::find(listed, checkpoint::kHubName, &checkpoint::ShardFile::name) == listed.end()) return "";
  const bool here = files.exists(reader.path() / checkpoint::kHubName);
  const auto seen = coordinator.all_gather(here ? "here" : "");
  const auto first = static_cast<int>(std::ranges::find(seen, "here") - seen.begin());
  if (first == coordinator.size()) return "";
  std::string text;
  const std::string failure = checkpoint::together(coordinator, [&] {
    if (coordinator.rank() == first) text = checkpoint::read_hub_file(files, reader.path(), reader.manifest());
  });
  if (!failure.empty()) throw base::Error(base::str("cannot read ", checkpoint::kHubName, ": ", failure));
  text = coordinator.broadcast_from(first, std::move(text));
  return coordinator.rank() == 0 ? text : "";
}

checkpoint::LoadResult load_from_hub(Session& session, const AttemptParts& parts, const std::filesystem::path& path,
                                     const std::vector<std::string>& allow, Start& start) {
  const HubDirectory directory = share_hub_directory(session.coordinator(), parts.files, path);
  checkpoint::LoadOptions options;
  options.slots = {checkpoint::kParam};
  options.allow = allow;
  if (session.coordinator().rank() == 0) start.hub = to_text(directory.record());
  return fill_weights(session.trainer(), !allow.empty(), [&](std::span<const checkpoint::WantedBox> boxes) {
    return load_hub_weights(session.coordinator(), parts.files, directory, boxes, options);
  });
}

checkpoint::LoadResult load_from_checkpoint(Session& session, const AttemptParts& parts,
                                            const std::filesystem::path& path, const std::vector<std::string>& allow,
                                            Start& start) {
  const auto reader = checkpoint::Reader::open(session.coordinator(), parts.files, path);
  const checkpoint::LoadResult loaded = load_state(*reader, session.trainer(), true, allow);
  start.hub = hub_text(session.coordinator(), parts.files, *reader);
  return loaded;
}

void load_initial_weights(Session& session, const AttemptParts& parts, std::vector<std::string> allow, Start& start) {
  // An output head or a pooler that one of the two models lacks was asked for by key.
  const std::vector<std::string>& ends = parts.input.changed_ends;
  allow.insert(allow.end(), ends.begin(), ends.end());
  const std::filesystem::path given = parts.input.options().model.init_from;
  const bool from_hub = HubDirectory::is_one(parts.files, given);
  start.weights = from_hub ? given : find_checkpoint(parts.files, given);
  describe_differences(from_hub ? load_from_hub(session, parts, given, allow, start)
                                : load_from_checkpoint(session, parts, start.weights, allow, start),
                       parts.log);
  parts.log.info(base::str("weights   from ", start.weights.string()));
}

}  // namespace

Start restore(Session& session, const AttemptParts& parts, const FastTier* fast) {
  const options::RunOptions& options = parts.input.options();
  const base::Log& log = parts.log;
  const std::vector<std::string> allow = options::names_of(options.checkpoint.allow);
  Position position;
  bool from_fast = false;
  std::string hub;
  optim::Begun begun;
  checkpoint::LoadResult loaded;
  const auto step = checkpoint::restore_newest(
      session.coordinator(), parts.files, options.run.dir, parts.number, log,
      [&](checkpoint::Reader& reader) {
        from_fast = fast != nullptr && fast->holds(reader.path());
        compare_with_saved(reader.manifest(), parts.input, log);
        if (reader.manifest().run_id != parts.keeper->run_id()) {  // which rank 0 knows
          log.warn(base::str(reader.path().string(), " was saved by another run, ", reader.manifest().run_id));
        }
        if (!allow.empty()) session.trainer().initialise();  // for what the checkpoint does not have
        loaded = load_state(reader, session.trainer(), false, allow);
        describe_differences(loaded, log);
        hub = hub_text(session.coordinator(), parts.files, reader);
        position = position_of(reader.manifest());
        begun = begun_of(reader.manifest().extra);
        begin_missing(begun, loaded, position.updates());
      },
      fast != nullptr ? std::optional(fast->search()) : std::nullopt);
  if (!step) {
    session.trainer().initialise();
    Start start;
    if (!options.model.init_from.empty()) load_initial_weights(session, parts, allow, start);
    add_skipped(session, parts, start.position);
    return start;
  }
  session.trainer().set_steps(position.updates(), begun);
  log.info(base::str("resuming  from step ", position.step, ", ", position.consumed_samples, " samples consumed",
                     from_fast ? ", from the fast tier" : "", " (",
                     format_bytes(static_cast<double>(loaded.bytes_read)), " read in ", format_duration(loaded.seconds),
                     ")"));
  if (options.train.on_spike == "none") position.losses.clear();  // they would judge long after
  add_skipped(session, parts, position);
  return {position, from_fast ? newest_saved_step(session, parts.files, options.run.dir) : position.step, {}, hub};
}

}  // namespace trireme::launcher
