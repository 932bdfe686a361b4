#include "launcher/commands/checkpoint/shared.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "io/checkpoint/format/step_directories.hpp"

namespace trireme::launcher {

using base::Json;
using Path = std::filesystem::path;

std::filesystem::path run_directory_of(base::FileSystem& files, const std::string& word) {
  Path path = Path(word).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (files.is_directory(path / "checkpoints")) return path;
  if (path.filename() == "checkpoints" && files.is_directory(path)) {
    return path.has_parent_path() ? path.parent_path() : Path(".");
  }
  if (!files.is_directory(path)) throw base::InputError("there is no directory " + path.string());
  checkpoint::committed_steps(files, path);  // says what is in the way of the folder
  if (files.exists(path / "attempts.jsonl")) {
    throw base::InputError(base::str("run directory ", path.string(), " holds no checkpoint: none was saved yet"));
  }
  throw base::InputError(base::str(path.string(), " is no run directory: it has no folder 'checkpoints'"));
}

std::filesystem::path step_directory_of(base::FileSystem& files, const std::string& word) {
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

std::string layout_text(const Json& layout) {
  if (layout.is_string()) return layout.get<std::string>();
  if (layout.is_object() && layout.contains("text") && layout["text"].is_string()) {
    return layout["text"].get<std::string>();
  }
  return base::to_line(layout);
}

std::string shape_text(const topology::Shape& shape) {
  std::string text;
  for (const auto size : shape) text += base::str(text.empty() ? "" : "x", size);
  return text;
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

}  // namespace trireme::launcher
