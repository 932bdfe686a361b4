// trireme checkpoint diff: two checkpoints tensor by tensor.
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/tools/compare.hpp"
#include "launcher/commands/checkpoint/byte_progress.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {

using base::Json;

namespace {

std::vector<checkpoint::TensorComparison> compare_with_progress(base::FileSystem& files, const std::filesystem::path& a,
                                                                const std::filesystem::path& b) {
  const auto bytes = [&](const std::filesystem::path& path) {
    return bytes_of(checkpoint::open_manifest(files, path));
  };
  ByteProgress progress("comparing", bytes(a) + bytes(b));
  return checkpoint::compare(files, a, b, usable_cores(), progress.hear());
}

}  // namespace

int checkpoint_diff(const Arguments& arguments) {
  bool json = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint diff", "compares two checkpoints tensor by tensor, whatever layouts wrote them",
                            "trireme checkpoint diff runs/a/checkpoints/step_100 runs/b/checkpoints/step_100");
  line.flag("json", json, "print one JSON object with every tensor instead of a table of those that differ");
  line.positionals("STEP_DIR", words, "two step directories, or run directories for their newest ones", 2, 2);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const std::filesystem::path a = step_directory_of(files, words[0]);
  const std::filesystem::path b = step_directory_of(files, words[1]);
  const auto tensors = compare_with_progress(files, a, b);
  std::vector<std::vector<std::string>> rows = {
      {"slot", "tensor", "shape", "elements that differ", "max |a-b|", "max |a|", "max |b|"}};
  Json all = Json::array();
  for (const auto& tensor : tensors) {
    const std::string differing = !tensor.mismatch.empty()                   ? tensor.mismatch
                                  : tensor.differing > 0 || tensor.same_type ? std::to_string(tensor.differing)
                                                                             : "types differ";
    if (!tensor.equal()) {
      rows.push_back({tensor.slot, tensor.name, shape_text(tensor.shape), differing,
                      number_text(tensor.largest_difference), number_text(tensor.largest_a),
                      number_text(tensor.largest_b)});
    }
    all.push_back({{"slot", tensor.slot},
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
    base::answer_json({{"a", a.string()}, {"b", b.string()}, {"equal", equal}, {"tensors", all}});
  } else if (equal) {
    base::answer(base::str("equal, bit for bit: ", tensors.size(), " tensors"));
  } else {
    base::answer_text(format_table(rows, {.right = {3, 4, 5, 6}, .spare = {0, 6, 5, 2}}));
    base::answer(base::str(rows.size() - 1, " of ", tensors.size(), " tensors differ"));
  }
  return equal ? base::kExitDone : base::kExitFailed;
}

}  // namespace trireme::launcher
