// docs/models.md quotes what the program says, and its examples are models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/objective.hpp"
#include "launcher/options/resolve.hpp"

namespace trireme::options {
namespace {

using ::testing::HasSubstr;

std::string page() { return base::PosixFileSystem().read_all(TRIREME_SOURCE_DIR "/docs/models.md"); }

/// A run file of four sizes, a dataset and a length.
std::string refusal(const Overrides& changes) {
  RunOptions options = parse_run_options(
      "[model]\nhidden = 64\nheads = 4\n[data]\ntrain = a.h5\nvalid = b.h5\n[train]\nsteps = 1\nglobal_batch = 4\n",
      "run.ini");
  try {
    for (const auto& [path, value] : changes) set_value(options, find_key(path), value);
    check_trainable(resolve(options, {.dataset_vocab = 100}).options);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

/// Lines between a heading and the next one.
std::vector<std::string> section(const std::string& heading) {
  std::vector<std::string> lines;
  std::istringstream text(page());
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("## ")) inside = line == heading;
    if (inside) lines.push_back(line);
  }
  return lines;
}

TEST(ModelsPage, QuotesRefusals) {
  const std::vector<Overrides> refused = {{{"model.mask", "full"}, {"model.window", "8"}},
                                          {{"model.norm_bias", "true"}},
                                          {{"model.arch", "gpt2"}, {"model.rope_theta", "500"}},
                                          {{"model.head_size", "5"}},
                                          {{"model.rope_factor", "8"}},
                                          {{"model.rope_scaling", "linear"}},
                                          {{"model.rope_scaling", "yarn"}, {"model.rope_factor", "4"}},
                                          {{"model.rope_scaling", "llama3"},
                                           {"model.rope_factor", "8"},
                                           {"model.rope_original_sequence", "64"},
                                           {"model.rope_low_frequency", "8"}},
                                          {{"model.heads", "3"}},
                                          {{"model.kv_heads", "3"}},
                                          {{"model.arch", "gpt2"}, {"model.preset", "llama-1b"}},
                                          {{"model.arch", "lama"}},
                                          {{"model.attention_dropout", "0.1"}},
                                          {{"model.mask", "full"}, {"log.sample_prompts", "once"}},
                                          {{"masking.fraction", "0.15"}},
                                          {{"model.arch", "bert"}, {"masking.random_token", "0.3"}},
                                          {{"model.arch", "bert"}, {"model.lm_head", "false"}}};
  std::string table;
  std::size_t rows = 0;
  for (const std::string& line : section("## What is refused")) {
    if (!line.starts_with("| ") || !line.ends_with("` |")) continue;
    table += line + "\n";
    ++rows;
  }
  for (const Overrides& changes : refused) EXPECT_THAT(table, HasSubstr("| `" + refusal(changes) + "` |\n"));
  // The sentence of `trireme generate` comes from the model, after its weights were read.
  EXPECT_EQ(rows, refused.size() + 1);
}

TEST(ModelsPage, ShowsModels) {
  std::istringstream text(page());
  std::string example;
  int examples = 0;
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line == "```ini") {
      inside = true;
      example.clear();
    } else if (line == "```" && inside) {
      inside = false;
      ++examples;
      const std::string rest = "[data]\ntrain = a.h5\n[train]\nsteps = 1\n";
      EXPECT_NO_THROW(resolve(parse_run_options(example + rest, "docs/models.md"), {.dataset_vocab = 100})) << example;
    } else {
      example += line + "\n";
    }
  }
  EXPECT_GE(examples, 4);
}

}  // namespace
}  // namespace trireme::options
