// trireme checkpoint list | inspect | verify | diff: no MPI, no LibTorch, and libhdf5 only for verify --deep.
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/json.hpp"
#include "io/checkpoint/compare.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/open_checkpoint.hpp"
#include "io/checkpoint/run_checkpoints.hpp"
#include "io/checkpoint/verify.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/format.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using Path = std::filesystem::path;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
void print(const Json& json) { print(base::to_line(json) + "\n"); }

/// The run directory itself, from it or from its checkpoints folder.
Path run_directory_of(base::FileSystem& files, const std::string& word) {
  Path path = Path(word).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (files.is_directory(path / "checkpoints")) return path;
  if (path.filename() == "checkpoints" && files.is_directory(path)) {
    return path.has_parent_path() ? path.parent_path() : Path(".");
  }
  if (!files.is_directory(path)) throw base::InputError("there is no directory " + path.string());
  if (files.exists(path / "attempts.jsonl")) {
    throw base::InputError(base::str("run directory ", path.string(), " holds no checkpoint: none was saved yet"));
  }
  throw base::InputError(base::str(path.string(), " is no run directory: it has no folder 'checkpoints'"));
}

/// A step directory, or the newest one of a run directory.
Path step_directory_of(base::FileSystem& files, const std::string& word) {
  Path path = Path(word).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const bool looks_like_run = path.filename() == "checkpoints" || files.is_directory(path / "checkpoints");
  if (!looks_like_run || files.exists(path / checkpoint::kManifestName)) return path;
  const Path run = run_directory_of(files, word);
  const auto steps = checkpoint::committed_steps(files, run);
  if (steps.empty()) throw base::InputError(base::str("run directory ", run.string(), " holds no checkpoint"));
  return checkpoint::step_directory(run, steps.back());
}

std::uint64_t bytes_of(const checkpoint::Manifest& manifest) {
  std::uint64_t bytes = manifest.boxes_bytes;
  for (const auto& shard : manifest.files) bytes += shard.bytes;
  return bytes;
}

/// The layout as a person writes it: a text if the run stored one, else compact JSON.
std::string layout_text(const Json& layout) {
  if (layout.is_string()) return layout.get<std::string>();
  if (layout.is_object() && layout.contains("text") && layout["text"].is_string()) {
    return layout["text"].get<std::string>();
  }
  return base::to_line(layout);
}

int list(const Arguments& arguments) {
  bool json = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint list", "the checkpoints of a run, oldest first",
                            "trireme checkpoint list runs/bible");
  line.flag("json", json, "print one JSON object instead of a table");
  line.positionals("RUN_DIR", words, "the run's directory", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const Path run = run_directory_of(files, words[0]);
  const auto verified = checkpoint::verified_steps(files, run);
  std::vector<std::vector<std::string>> rows = {{"step", "saved", "attempt", "size", "layout", "state"}};
  Json entries = Json::array();
  bool damaged = false;
  for (const auto step : checkpoint::committed_steps(files, run)) {
    const Path path = checkpoint::step_directory(run, step);
    try {
      const auto manifest = checkpoint::open_checkpoint(files, path).manifest;
      const char* state = std::ranges::count(verified, step) > 0 ? "verified" : "committed";
      rows.push_back({std::to_string(step), manifest.created, std::to_string(manifest.attempt),
                      format_bytes(static_cast<double>(bytes_of(manifest))), layout_text(manifest.layout), state});
      entries.push_back({{"step", step},
                         {"path", path.string()},
                         {"created", manifest.created},
                         {"attempt", manifest.attempt},
                         {"bytes", bytes_of(manifest)},
                         {"layout", manifest.layout},
                         {"state", state}});
    } catch (const checkpoint::DamagedCheckpoint& damage) {
      damaged = true;
      const std::string reason = base::str(damage.subject(), ": ", damage.problem());
      rows.push_back({std::to_string(step), "", "", "", "", "damaged: " + reason});
      entries.push_back({{"step", step}, {"path", path.string()}, {"state", "damaged"}, {"reason", reason}});
    }
  }
  if (json) {
    print(Json{{"run", run.string()}, {"checkpoints", entries}});
  } else if (entries.empty()) {
    print(base::str("run directory ", run.string(), " holds no checkpoint yet\n"));
  } else {
    print(format_table(rows, {0, 2, 3}));
  }
  return damaged ? base::kExitFailed : base::kExitDone;
}

std::string shape_text(const checkpoint::Shape& shape) {
  std::string text;
  for (const auto size : shape) text += base::str(text.empty() ? "" : "x", size);
  return text;
}

Json describe_tensors(const checkpoint::BoxTable& table) {
  Json tensors = Json::array();
  for (const auto& tensor : table.tensors) {
    tensors.push_back({{"kind", name_of(tensor.kind)},
                       {"name", tensor.name},
                       {"shape", tensor.shape},
                       {"dtype", name_of(tensor.dtype)},
                       {"boxes", tensor.box_count}});
  }
  return tensors;
}

void print_inspection(const checkpoint::OpenedCheckpoint& opened) {
  const auto& manifest = opened.manifest;
  print(format_table({{"checkpoint", opened.path.string()},
                      {"step", std::to_string(manifest.step)},
                      {"run", manifest.run_id},
                      {"attempt", std::to_string(manifest.attempt)},
                      {"job", manifest.job},
                      {"saved", manifest.created},
                      {"layout", layout_text(manifest.layout)},
                      {"cursor", base::to_line(manifest.cursor)},
                      {"extra", base::to_line(manifest.extra)},
                      {"versions", base::to_line(manifest.versions)},
                      {"size", format_bytes(static_cast<double>(bytes_of(manifest)))}}));
  std::vector<std::vector<std::string>> rows = {{"kind", "tensor", "shape", "type", "boxes", "size"}};
  for (const auto& tensor : opened.table.tensors) {
    const auto elements = static_cast<std::uint64_t>(topology::elements_of(tensor.shape));
    rows.push_back({name_of(tensor.kind), tensor.name, shape_text(tensor.shape), name_of(tensor.dtype),
                    std::to_string(tensor.box_count),
                    format_bytes(static_cast<double>(elements * size_of(tensor.dtype)))});
  }
  print(base::str("\n", format_table(rows, {4, 5})));
  rows = {{"file", "size"}};
  for (const auto& shard : manifest.files) rows.push_back({shard.name, format_bytes(static_cast<double>(shard.bytes))});
  print(base::str("\n", format_table(rows, {1})));
}

int inspect(const Arguments& arguments) {
  bool json = false;
  bool run_file = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint inspect", "what a checkpoint holds, from its manifest and box table",
                            "trireme checkpoint inspect runs/bible/checkpoints/step_100\n"
                            "trireme checkpoint inspect --options runs/bible > again.ini");
  line.flag("json", json, "print one JSON object instead of tables");
  line.flag("options", run_file, "print only the run file that it was saved with");
  line.positionals("STEP_DIR", words, "a step directory, or a run directory for its newest one", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const auto opened = checkpoint::open_checkpoint(files, step_directory_of(files, words[0]));
  if (run_file) {
    print(opened.manifest.options);
  } else if (json) {
    Json all = Json::parse(opened.manifest_text);
    all["path"] = opened.path.string();
    all["tensors"] = describe_tensors(opened.table);
    print(all);
  } else {
    print_inspection(opened);
  }
  return base::kExitDone;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

void print_findings(const std::vector<checkpoint::Finding>& findings) {
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < findings.size() && i < kShown; ++i) {
    print(base::str("damaged: ", findings[i].subject, ": ", findings[i].problem, "\n"));
  }
  if (findings.size() > kShown) print(base::str("and ", findings.size() - kShown, " more (--json names all)\n"));
}

int verify(const Arguments& arguments) {
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
  const Path path = step_directory_of(files, words[0]);
  const auto result = checkpoint::verify(files, path, deep, usable_cores());
  const bool good = result.findings.empty();
  std::string note;
  if (good && path.has_parent_path() && path.parent_path().filename() == "checkpoints") {
    try {
      checkpoint::append_verified(files, path, result.manifest);
    } catch (const base::IoError& error) {
      note = base::str("not recorded as verified: ", error.what());
    }
  }
  if (json) {
    Json findings = Json::array();
    for (const auto& finding : result.findings) {
      findings.push_back({{"subject", finding.subject}, {"problem", finding.problem}});
    }
    Json report = {{"path", path.string()},     {"good", good},      {"boxes", result.boxes}, {"bytes", result.bytes},
                   {"seconds", result.seconds}, {"damage", findings}};
    if (!note.empty()) report["note"] = note;
    print(report);
  } else if (good) {
    print(base::str(path.string(), ": good: ", result.boxes, " boxes, ",
                    format_bytes(static_cast<double>(result.bytes)), " read back", deep ? ", and HDF5 agrees" : "",
                    "\n"));
    if (!note.empty()) print(note + "\n");
  } else {
    print_findings(result.findings);
  }
  if (good) return base::kExitDone;
  throw base::Error(base::str(
      "checkpoint ", path.string(), " is damaged: ", result.findings[0].subject, ": ", result.findings[0].problem,
      result.findings.size() > 1 ? base::str(" (and ", result.findings.size() - 1, " more)") : "",
      "; resume from an older one"));
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

int diff(const Arguments& arguments) {
  bool json = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint diff", "compares two checkpoints tensor by tensor, whatever layouts wrote them",
                            "trireme checkpoint diff runs/a/checkpoints/step_100 runs/b/checkpoints/step_100");
  line.flag("json", json, "print one JSON object with every tensor instead of a table of those that differ");
  line.positionals("STEP_DIR", words, "two step directories, or run directories for their newest ones", 2, 2);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const Path a = step_directory_of(files, words[0]);
  const Path b = step_directory_of(files, words[1]);
  const auto tensors = checkpoint::compare(files, a, b);
  std::vector<std::vector<std::string>> rows = {
      {"kind", "tensor", "shape", "elements that differ", "max |a-b|", "max |a|", "max |b|"}};
  Json all = Json::array();
  for (const auto& tensor : tensors) {
    const std::string differing = !tensor.mismatch.empty()                   ? tensor.mismatch
                                  : tensor.differing > 0 || tensor.same_type ? std::to_string(tensor.differing)
                                                                             : "types differ";
    if (!tensor.equal()) {
      rows.push_back({name_of(tensor.kind), tensor.name, shape_text(tensor.shape), differing,
                      number_text(tensor.largest_difference), number_text(tensor.largest_a),
                      number_text(tensor.largest_b)});
    }
    all.push_back({{"kind", name_of(tensor.kind)},
                   {"name", tensor.name},
                   {"shape", tensor.shape},
                   {"equal", tensor.equal()},
                   {"mismatch", tensor.mismatch},
                   {"same_type", tensor.same_type},
                   {"differing", tensor.differing},
                   {"max_difference", tensor.largest_difference},
                   {"max_a", tensor.largest_a},
                   {"max_b", tensor.largest_b}});
  }
  const bool equal = rows.size() == 1;
  if (json) {
    print(Json{{"a", a.string()}, {"b", b.string()}, {"equal", equal}, {"tensors", all}});
  } else if (equal) {
    print(base::str("equal, bit for bit: ", tensors.size(), " tensors\n"));
  } else {
    print(format_table(rows, {3, 4, 5, 6}));
    print(base::str(rows.size() - 1, " of ", tensors.size(), " tensors differ\n"));
  }
  return equal ? base::kExitDone : base::kExitFailed;
}

}  // namespace

int checkpoint_command(const Arguments& arguments) {
  return options::run_subcommand("checkpoint", "trireme checkpoint list runs/bible",
                                 {{"list", "the checkpoints of a run", list},
                                  {"inspect", "what a checkpoint holds", inspect},
                                  {"verify", "reads every byte back and compares checksums", verify},
                                  {"diff", "compares two checkpoints, whatever layouts wrote them", diff}},
                                 arguments);
}

}  // namespace trireme::launcher
