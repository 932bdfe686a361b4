// trireme checkpoint verify: every byte of a checkpoint against its checksum.
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "launcher/commands/checkpoint/byte_progress.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

void print_findings(const std::vector<checkpoint::Finding>& findings) {
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < findings.size() && i < kShown; ++i) {
    base::answer(base::str("damaged: ", findings[i].subject, ": ", findings[i].problem));
  }
  if (findings.size() > kShown) base::answer(base::str("and ", findings.size() - kShown, " more (--json names all)"));
}

checkpoint::VerifyResult verify_with_progress(base::FileSystem& files, const std::filesystem::path& path, bool deep) {
  std::uint64_t total = 0;
  try {
    total = bytes_of(checkpoint::open_manifest(files, path));
  } catch (const checkpoint::DamagedCheckpoint&) {
    // verify() reports it.
  }
  ByteProgress progress("verifying", total);
  return checkpoint::verify(files, path, deep ? checkpoint::ShardCheck::kDeep : checkpoint::ShardCheck::kStorage,
                            usable_cores(), progress.hear());
}

/// In VERIFIED, when it is a committed checkpoint of a run. Returns why it could not be, else "".
std::string record(base::FileSystem& files, const std::filesystem::path& path, const checkpoint::VerifyResult& result) {
  const checkpoint::Manifest& manifest = result.manifest;
  if (manifest.checksum.empty()) return "";  // unreadable, and no line counts for such a one
  const auto whole = std::filesystem::absolute(path).lexically_normal();
  const auto step = whole.has_filename() ? whole : whole.parent_path();
  if (step.parent_path().filename() != "checkpoints" || step.filename() != base::str("step_", manifest.step)) return "";
  try {
    checkpoint::append_verified(files, step, manifest,
                                result.findings.empty() ? checkpoint::ReadBack::kGood : checkpoint::ReadBack::kDamaged);
    return "";
  } catch (const base::Error& error) {
    return base::str("not recorded in VERIFIED: ", error.what());
  }
}

}  // namespace

int checkpoint_verify(const Arguments& arguments) {
  bool json = false;
  bool deep = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint verify", "reads every byte of a checkpoint and compares its checksums",
                            "trireme checkpoint verify runs/bible/checkpoints/step_100\n"
                            "trireme checkpoint verify --deep runs/bible");
  line.flag("deep", deep, "also open the shards with HDF5 and compare what it sees");
  line.flag("json", json, "print one JSON object instead of lines");
  line.positionals("STEP_DIR", words, "a step directory, or a run directory for its newest one", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const std::filesystem::path path = step_directory_of(files, words[0]);
  const auto result = verify_with_progress(files, path, deep);
  const bool good = result.findings.empty();
  const std::string note = record(files, path, result);
  if (json) {
    Json findings = Json::array();
    for (const auto& finding : result.findings) {
      findings.push_back({{"subject", finding.subject}, {"problem", finding.problem}});
    }
    Json report = {{"path", path.string()},     {"good", good},      {"boxes", result.boxes}, {"bytes", result.bytes},
                   {"seconds", result.seconds}, {"damage", findings}};
    if (!note.empty()) report["note"] = note;
    base::answer_json(report);
  } else if (good) {
    base::answer(base::str(path.string(), ": good: ", result.boxes, " pieces, ",
                           format_bytes(static_cast<double>(result.bytes)), " read back",
                           deep ? ", and HDF5 agrees" : ""));
  } else {
    print_findings(result.findings);
  }
  if (!json && !note.empty()) base::answer(note);
  if (good) return base::kExitDone;
  throw base::Error(base::str(
      "checkpoint ", path.string(), " is damaged: ", result.findings[0].subject, ": ", result.findings[0].problem,
      result.findings.size() > 1 ? base::str(" (and ", result.findings.size() - 1, " more)") : "",
      "; resume from an older one"));
}

}  // namespace trireme::launcher
