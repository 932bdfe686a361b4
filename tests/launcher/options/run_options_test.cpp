#include "launcher/options/run_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/words.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/options_page.hpp"
#include "launcher/options/run_arguments.hpp"
#include "models/spec/families/family.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::options {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const std::string& text, const Overrides& overrides = {}) {
  try {
    parse_run_options(text, "run.ini", overrides);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(RunFile, FillsEverySection) {
  const RunOptions options = parse_run_options(
      "# a comment\n[run]\nname = first run\nseed=7\n\n[model]\narch = gpt2\nlayers = 4  # four\n"
      "tie_embeddings = off\n[data]\ntrain = a.h5 0.7, b.h5 0.3\n[parallel]\ntp = 2\nsequence_parallel = false\n"
      "zero = 1\n[train]\ntokens = 3e9\nrecompute = full\n[optimizer]\nlr = 1e-4\n[checkpoint]\nevery_minutes = 2.5\n"
      "[log]\nvalid_samples = 12\n",
      "run.ini");
  EXPECT_EQ(options.run.name, "first run");
  EXPECT_EQ(options.run.seed, 7);
  EXPECT_EQ(options.model.arch, "gpt2");
  EXPECT_EQ(options.model.layers, 4);
  EXPECT_EQ(options.model.tie_embeddings, false);
  EXPECT_EQ(options.model.hidden, std::nullopt);
  EXPECT_EQ(options.data.train, "a.h5 0.7, b.h5 0.3");
  EXPECT_EQ(options.parallel.tp, 2);
  EXPECT_EQ(options.parallel.sequence_parallel, false);
  EXPECT_EQ(options.parallel.zero, 1);
  EXPECT_EQ(options.train.tokens, 3000000000);
  EXPECT_EQ(options.train.recompute, "full");
  EXPECT_EQ(options.optimizer.lr, 1e-4);
  EXPECT_EQ(options.checkpoint.every_minutes, 2.5);
  EXPECT_EQ(options.log.valid_samples, 12);
}

TEST(RunFile, RefusesInASentenceNamingFileAndKey) {
  EXPECT_THAT(refusal("[parallel]\ntpp = 2\n"),
              HasSubstr("run.ini: unknown key parallel.tpp, did you mean parallel.tp?"));
  EXPECT_THAT(refusal("[paralel]\ntp = 2\n"), HasSubstr("did you mean parallel.tp?"));
  EXPECT_THAT(refusal("[paralel]\nfoo = 2\n"),
              HasSubstr("unknown section paralel (paralel.foo), did you mean parallel?"));
  EXPECT_THAT(refusal("[model]\nlr = 2\n"), HasSubstr("unknown key model.lr, did you mean optimizer.lr?"));
  EXPECT_THAT(
      refusal("[optimizer]\nlearning_rate = 2\n"),
      HasSubstr("unknown key optimizer.learning_rate (known: optimizer.name, optimizer.lr, optimizer.min_lr, "));
  EXPECT_THAT(refusal("tp = 2\n"), HasSubstr("key tp stands before the first [section]"));
  EXPECT_THAT(refusal("[parallel]\ntp = 2\ntp = 2\n"), HasSubstr("parallel.tp is given twice"));
  EXPECT_THAT(refusal("[parallel]\ntp 2\n"), HasSubstr("run.ini: "));
  EXPECT_THAT(refusal("[parallel]\ntp = two\n"), HasSubstr("parallel.tp needs a whole number, not 'two'"));
  EXPECT_THAT(refusal("[parallel]\ntp =\n"), HasSubstr("parallel.tp needs a whole number, not ''"));
  EXPECT_THAT(refusal("[parallel]\ntp = 0\n"), HasSubstr("parallel.tp = 0, allowed: 1 to 1000000"));
  EXPECT_THAT(refusal("[parallel]\nzero = 2\n"), HasSubstr("parallel.zero = 2 is not known"));
  EXPECT_THAT(refusal("[parallel]\nschedule = zbv\n"), HasSubstr("(allowed: gpipe, 1f1b, interleaved)"));
  EXPECT_THAT(refusal("[model]\narch = gpt3\n"), HasSubstr("(allowed: " + base::join(spec::family_names()) + ")"));
  EXPECT_THAT(refusal("[model]\npreset = gpt2-125m\n"), HasSubstr("did you mean gpt2-124m?"));
  EXPECT_THAT(refusal("[model]\ndropout = 1\n"), HasSubstr("model.dropout = 1, allowed: 0 to below 1"));
  EXPECT_THAT(refusal("[optimizer]\nlr = 0\n"), HasSubstr("optimizer.lr = 0, allowed: above 0"));
  EXPECT_THAT(refusal("[checkpoint]\nkeep = 1\n"), HasSubstr("checkpoint.keep = 1, allowed: at least 2"));
  EXPECT_THAT(refusal("[train]\ndeterministic = maybe\n"), HasSubstr("needs true or false"));
  EXPECT_THAT(refusal("", {{"parallel.cp", "2"}}), HasSubstr("command line: unknown key parallel.cp"));
  EXPECT_THAT(refusal("", {{"run.name", "a\nb"}}), HasSubstr("a run file cannot store"));
  EXPECT_THAT(refusal("", {{"data.train", "my #1.h5"}}), HasSubstr("into double quotes"));
  EXPECT_THAT(refusal("[model]\nlayers = 4# four\n"), HasSubstr("'4# four' (a comment begins with a space and '#')"));
  EXPECT_THAT(refusal("[checkpoint]\nallow = a\n[run]\nname x"), HasSubstr("line 4 is 'name x'"));
  EXPECT_THAT(refusal("[cluster]\nsize = 2\n"), HasSubstr("unknown section cluster"));
}

TEST(Overrides, WinOverTheFile) {
  const std::string file = "[train]\nsteps = 100\nmicro_batch = 2\n";
  EXPECT_EQ(parse_run_options(file, "f", {{"train.micro_batch", "8"}}).train.micro_batch, 8);
  const RunOptions by_tokens = parse_run_options(file, "f", {{"train.tokens", "1e6"}});
  EXPECT_EQ(by_tokens.train.steps, 0);
  EXPECT_EQ(by_tokens.train.tokens, 1000000);
}

TEST(TrainArguments, ReadTheFileAndBothFormsOfOverrides) {
  const tests::TemporaryDirectory directory;
  const std::string file = (directory.path() / "tiny.ini").string();
  base::PosixFileSystem().replace(file, "[parallel]\ntp = 2\n");
  const auto parse = [](const Arguments& arguments) {
    TrainLine train;
    EXPECT_TRUE(train.line.parse(arguments));
    return train.run.load();
  };
  const RunOptions options = parse({file, "--parallel.tp=4", "--optimizer.lr", "1e-3"});
  EXPECT_EQ(options.parallel.tp, 4);
  EXPECT_EQ(options.optimizer.lr, 1e-3);
  EXPECT_EQ(options.run.name, "tiny");
  EXPECT_EQ(options.run.dir, "runs/tiny");
  const auto refused = [&](const Arguments& arguments) -> std::string {
    try {
      parse(arguments);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refused({}), HasSubstr("RUN.ini is missing"));
  EXPECT_THAT(refused({file, "--parallel.tpp=4"}), HasSubstr("did you mean --parallel.tp?"));
  EXPECT_THAT(refused({file, "--parallel.tp=4", "--parallel.tp=2"}), HasSubstr("given twice"));
  EXPECT_THAT(refused({file + "x"}), HasSubstr("cannot read the run file"));
  EXPECT_THAT(refused({directory.path().string()}), HasSubstr("is a directory"));
}

TEST(TrainArguments, HelpListsEveryKeyAfterAnExample) {
  const std::string printed = TrainLine().line.help();
  EXPECT_EQ(printed.find("example:\n  mpirun"), 0U);
  for (const Key& key : key_table()) EXPECT_THAT(printed, HasSubstr("--" + key.path() + " "));
}

TEST(KeyTable, HasEachKeyOnceWithHelpAndUsableDefaults) {
  std::set<std::string> paths;
  for (const Key& key : key_table()) {
    EXPECT_TRUE(paths.insert(key.path()).second) << key.path();
    EXPECT_FALSE(key.help.empty()) << key.path();
    EXPECT_EQ(key.help.find('|'), std::string::npos) << key.path() << ": breaks the table of docs/options.md";
    RunOptions options;
    if (const auto value = value_of(options, key)) {
      EXPECT_NO_THROW(set_value(options, key, *value)) << key.path();
      EXPECT_EQ(value_of(options, key), value);
    }
  }
  EXPECT_GT(paths.size(), 55U);
}

TEST(RunFile, ValuesMayStandInQuotes) {
  const RunOptions options = parse_run_options(
      "[run]\nname = \"lr #1\"\ndir = runs/lr#1 # one\n[data]\ntrain = \"a,b #1.h5\" 0.5, c.h5 0.5 # two\n"
      "[checkpoint]\nallow = \"x,y\", z\n[slurm]\nextra = --comment=\"a # b\" # three\n",
      "run.ini");
  EXPECT_EQ(options.run.name, "lr #1");
  EXPECT_EQ(options.run.dir, "runs/lr#1");
  EXPECT_EQ(options.data.train, "\"a,b #1.h5\" 0.5, c.h5 0.5");
  EXPECT_THAT(names_of(options.checkpoint.allow), ElementsAre("x,y", "z"));
  EXPECT_EQ(options.slurm.extra, "--comment=\"a # b\"");
}

TEST(RunFile, RunsWhoseNamesDifferAfterAHashAreTwoRuns) {
  const tests::TemporaryDirectory directory;
  for (const char* name : {"lr#1", "lr#2"}) {
    const auto file = (directory.path() / "run.ini").string();
    base::PosixFileSystem().replace(file, std::string("[run]\nname = ") + name + "\n");
    EXPECT_EQ(load_run_file(file).run.dir, std::string("runs/") + name);
  }
}

// Version 0.0 wrote them into checkpoints like this: never with a '#', never quoted.
TEST(RunFile, OptionsOfOldCheckpointsReadAsTheyWereMeant) {
  const RunOptions options = parse_run_options(
      "[run]\nname = it's \"5\" inch\ndir = C:\\a b\n\n[data]\ntrain = a.h5 0.7, b 2.h5 0.3\n\n[checkpoint]\n"
      "allow = grow:embed.tokens, grow:head.weight\n\n[slurm]\nextra = --comment=\"a b\" --mail-user=x\n",
      "step_4");
  EXPECT_EQ(options.run.name, "it's \"5\" inch");
  EXPECT_EQ(options.run.dir, "C:\\a b");
  EXPECT_EQ(options.data.train, "a.h5 0.7, b 2.h5 0.3");
  EXPECT_EQ(options.slurm.extra, "--comment=\"a b\" --mail-user=x");
  EXPECT_THAT(names_of(options.checkpoint.allow), ElementsAre("grow:embed.tokens", "grow:head.weight"));
}

// A value of the key's kind, other than its default.
std::string random_value(const Key& key, std::mt19937& random) {
  if (!key.allowed.empty()) return key.allowed[random() % key.allowed.size()];
  const std::string value_name = value_name_of(key);
  if (value_name == "N,…") return base::str(10 + random() % 80, ", ", random() % 2);
  if (value_name == "X,…") return base::str(0.5 * static_cast<double>(1 + random() % 998), ",0");
  if (value_name == "N") return std::to_string(10 + random() % 80);  // all ranges hold these
  if (value_name == "X")
    return std::to_string(std::max(key.low, 0.0) + 0.001 * static_cast<double>(1 + random() % 998));
  if (value_name == "true|false") return random() % 2 == 0 ? "true" : "false";
  if (holds_quotes(key)) return "\"a, #" + std::to_string(random() % 1000) + "\" 0.5, more/of#it.h5";
  std::string text(1 + random() % 7, ' ');
  for (char& c : text) c = "a#\"'\\ \t,=[b"[random() % 11];
  return text;
}

TEST(Ini, ReadsBackToTheSameValuesWhateverIsSet) {
  std::mt19937 random = trireme::tests::seeded_random(3);
  for (int trial = 0; trial < 200; ++trial) {
    RunOptions options;
    for (const Key& key : key_table()) {
      if (random() % 2 == 0) set_value(options, key, random_value(key, random));
    }
    options.optimizer.eps = std::uniform_real_distribution<double>(1e-12, 1)(random);
    const std::string text = to_ini(options);
    const RunOptions back = parse_run_options(text, "text");
    EXPECT_EQ(to_map(back), to_map(options));
    EXPECT_EQ(to_ini(back), text);
  }
}

TEST(Names, AreSplitAtCommasOutsideQuotes) {
  EXPECT_THAT(names_of(" a, b c ,,d"), ElementsAre("a", "b c", "d"));
  EXPECT_THAT(names_of("\"a, b\",c"), ElementsAre("a, b", "c"));
  EXPECT_THROW(names_of("\"a\" b, c"), base::InputError);
}

TEST(Ranges, NameBothEnds) {
  Key key{"a", "b", FieldOf<double>(nullptr), "", "", ""};
  const auto expect_range = [&](double low, bool low_excluded, double high, bool high_excluded, const char* words) {
    key.low = low, key.high = high, key.low_excluded = low_excluded, key.high_excluded = high_excluded;
    EXPECT_EQ(range_of(key), words);
  };
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  expect_range(-kNoLimit, false, kNoLimit, false, "");
  expect_range(0, false, kNoLimit, false, "at least 0");
  expect_range(0, true, kNoLimit, false, "above 0");
  expect_range(0, false, 1, false, "0 to 1");
  expect_range(0, false, 1, true, "0 to below 1");
  expect_range(0, true, 1, false, "above 0, at most 1");
  expect_range(0, true, 0.5, true, "above 0, below 0.5");
  EXPECT_THAT(refusal("[model]\nrope_fraction = 1.5\n"),
              HasSubstr("model.rope_fraction = 1.5, allowed: above 0, at most 1"));
}

TEST(OptionsPage, NamesWhatFamiliesAndPresetsHave) {
  const std::string page = options_page();
  EXPECT_THAT(page, HasSubstr("| `embedding_scale` | 1 | 1 | 1 | sqrt(hidden) | 1 | 1 |\n"));
  EXPECT_THAT(page, HasSubstr("| `sequence` | 1024 | 1024 | 1024 | 1024 | 1024 | 512 |\n"));
  EXPECT_THAT(page, HasSubstr("`residual_scale = 1`"));
  EXPECT_THAT(page, HasSubstr("| smollm3-3b | llama | 3075098624 | 36 | 2048 | 16 | 4 | 128 | 11008 | "));
}

TEST(OptionsPage, IsWhatDocsHold) {
  const std::string page = base::PosixFileSystem().read_all(TRIREME_SOURCE_DIR "/docs/options.md");
  EXPECT_TRUE(page == options_page()) << "regenerate: build/tests/options_page > docs/options.md";
}

}  // namespace
}  // namespace trireme::options
