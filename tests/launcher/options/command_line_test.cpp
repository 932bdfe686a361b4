#include "launcher/options/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/display_width.hpp"
#include "base/error.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/number.hpp"
#include "launcher/options/run_arguments.hpp"

namespace trireme::options {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Parsed {
  std::string tokenizer, output, split = "gpt2";
  std::int64_t vocab = 4096;
  double fraction = 0.01;
  bool json = false;
  std::vector<std::string> special, inputs;
  bool ran = false;
  std::string help;
};

Parsed parse(const Arguments& arguments) {
  Parsed parsed;
  CommandLine line("prepare", "text into tokens", "trireme prepare --tokenizer t.json a.txt\ntrireme prepare b.txt");
  line.value("tokenizer", parsed.tokenizer, "FILE", "the tokenizer").required();
  line.value("output,o", parsed.output, "FILE", "what to write");
  line.value("split", parsed.split, "NAME", "split pattern").one_of({"gpt2", "llama3"});
  line.value("vocab", parsed.vocab, "N", "entries").range(257, 1e6);
  line.value("valid-fraction", parsed.fraction, "F", "part kept back").range(0, 1);
  line.values("special", parsed.special, "TOKEN", "special token");
  line.flag("json", parsed.json, "print JSON");
  line.positionals("INPUT", parsed.inputs, "files", 1, 3);
  parsed.help = line.help();
  parsed.ran = line.parse(arguments);
  return parsed;
}

std::string refusal(const Arguments& arguments) {
  try {
    parse(arguments);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CommandLine, FillsEveryKindOfOptionInAnyOrder) {
  const Parsed parsed = parse({"a.txt", "--tokenizer", "t.json", "-o", "d.h5", "--vocab=8e3", "b.txt", "--json",
                               "--special", "<a>", "--special=<b>", "--valid-fraction", "0.5", "--split", "llama3"});
  EXPECT_TRUE(parsed.ran);
  EXPECT_EQ(parsed.tokenizer, "t.json");
  EXPECT_EQ(parsed.output, "d.h5");
  EXPECT_EQ(parsed.vocab, 8000);
  EXPECT_EQ(parsed.fraction, 0.5);
  EXPECT_EQ(parsed.split, "llama3");
  EXPECT_TRUE(parsed.json);
  EXPECT_THAT(parsed.special, ElementsAre("<a>", "<b>"));
  EXPECT_THAT(parsed.inputs, ElementsAre("a.txt", "b.txt"));
}

TEST(CommandLine, NothingAfterTheEqualsSignEmptiesAValue) {
  const Parsed parsed = parse({"a.txt", "--tokenizer=", "--special=", "--special=<b>", "--", "--tokenizer="});
  EXPECT_EQ(parsed.tokenizer, "");
  EXPECT_THAT(parsed.special, ElementsAre("", "<b>"));
  EXPECT_THAT(parsed.inputs, ElementsAre("a.txt", "--tokenizer="));
  EXPECT_THAT(refusal({"a.txt", "--tokenizer=t", "--vocab="}), HasSubstr("--vocab"));
  EXPECT_THAT(refusal({"a.txt", "--tokenizer=t", "--json="}), HasSubstr("--json"));
}

TEST(CommandLine, KeepsDefaultsAndTakesWordsAfterTwoDashesAsTheyAre) {
  const Parsed parsed = parse({"--tokenizer=t.json", "--", "--help", "-x"});
  EXPECT_EQ(parsed.vocab, 4096);
  EXPECT_EQ(parsed.split, "gpt2");
  EXPECT_FALSE(parsed.json);
  EXPECT_THAT(parsed.inputs, ElementsAre("--help", "-x"));
}

TEST(CommandLine, TheValueOfAnOptionIsTextWhateverItLooksLike) {
  const Parsed parsed = parse({"--tokenizer", "--vocab=3", "-o", "--json", "--special", "--", "--special", "--help",
                               "--special", "--vocab=", "--special", "", "a.txt", "--", "--vocab=7"});
  EXPECT_TRUE(parsed.ran);
  EXPECT_EQ(parsed.tokenizer, "--vocab=3");
  EXPECT_EQ(parsed.output, "--json");
  EXPECT_FALSE(parsed.json);
  EXPECT_EQ(parsed.vocab, 4096);
  EXPECT_THAT(parsed.special, ElementsAre("--", "--help", "--vocab=", ""));
  EXPECT_THAT(parsed.inputs, ElementsAre("a.txt", "--vocab=7"));
}

TEST(CommandLine, OptionsSetAsideHaveAHelpOfTheirOwn) {
  std::string own, further;
  CommandLine line("eval", "evaluates", "trireme eval run.ini");
  line.value("data", own, "FILE", "the dataset");
  line.set_aside("help-keys", "print the keys");
  line.value("train.steps", further, "N", "steps");
  EXPECT_THAT(line.help(), testing::AllOf(HasSubstr("--data"), HasSubstr("--help-keys  print the keys")));
  EXPECT_THAT(line.help(), testing::Not(HasSubstr("--train.steps")));
  EXPECT_THAT(line.help_aside(), HasSubstr("--train.steps N"));
  EXPECT_TRUE(line.asks_for_help({"x", "--help-keys"}));
  EXPECT_FALSE(line.asks_for_help({"x", "--data", "--help", "--", "--help-keys"}));
}

TEST(CommandLine, HelpFitsTheWindow) {
  for (const Key& key : key_table()) EXPECT_LT(key.path().size(), 40U);
  for (const std::size_t width : {40, 80, 120}) {
    std::istringstream lines(TrainLine().line.help(width));
    for (std::string text; std::getline(lines, text);) {
      const bool example = text.starts_with("  mpirun") || text.starts_with("trireme train:");
      const bool whole_option = text.starts_with("  --");  // an option's name is never cut
      if (!example && !whole_option) {
        EXPECT_LE(base::display_width(text), width) << text;
      }
    }
  }
}

TEST(CommandLine, HelpStartsWithTheExampleAndRunsNothing) {
  testing::internal::CaptureStdout();
  const Parsed parsed = parse({"--help"});
  const std::string printed = testing::internal::GetCapturedStdout();
  EXPECT_FALSE(parsed.ran);
  EXPECT_EQ(printed, parsed.help);
  EXPECT_EQ(printed.find("example:\n  trireme prepare --tokenizer t.json a.txt\n  trireme prepare b.txt\n"), 0U);
  EXPECT_THAT(printed, HasSubstr("(default: 4096)"));
  EXPECT_THAT(printed, HasSubstr("split pattern: gpt2, llama3"));
  EXPECT_THAT(printed, HasSubstr("-o, --output FILE"));
}

TEST(CommandLine, RefusesInASentenceNamingTheWord) {
  EXPECT_THAT(refusal({"--tokeniser", "t", "a"}), HasSubstr("unknown option --tokeniser, did you mean --tokenizer?"));
  EXPECT_THAT(refusal({"--tokeniser=t", "a"}), HasSubstr("unknown option --tokeniser, did you mean --tokenizer?"));
  EXPECT_THAT(refusal({"--tok", "t", "a"}), HasSubstr("unknown option --tok"));
  EXPECT_THAT(refusal({"a"}), HasSubstr("--tokenizer is missing"));
  EXPECT_THAT(refusal({"--tokenizer", "t"}), HasSubstr("INPUT is missing"));
  EXPECT_THAT(refusal({"--tokenizer", "t", "a", "b", "c", "d"}), HasSubstr("unexpected word d"));
  EXPECT_THAT(refusal({"--tokenizer", "t", "a", "--tokenizer", "u"}), HasSubstr("--tokenizer is given twice"));
  EXPECT_THAT(refusal({"--tokenizer", "t", "a", "--vocab", "12"}), HasSubstr("--vocab is 12, allowed: 257 to 1000000"));
  EXPECT_THAT(refusal({"--tokenizer", "t", "a", "--vocab", "4k"}), HasSubstr("needs a whole number, not '4k'"));
  EXPECT_THAT(refusal({"--tokenizer", "t", "a", "--split", "gpt3"}), HasSubstr("allowed: gpt2, llama3"));
  EXPECT_THAT(refusal({"--tokenizer", "t", "a", "--vocab"}), HasSubstr("--vocab"));
  EXPECT_THAT(refusal({"--tokenizer", "t", "a", "--json=yes"}), HasSubstr("--json"));
}

TEST(Subcommands, RunTheNamedOneAndNameTheNearest) {
  const std::vector<Subcommand> commands = {
      {"list", "lists", [](const Arguments& rest) { return static_cast<int>(rest.size()); }},
      {"verify", "verifies", [](const Arguments&) { return 7; }}};
  EXPECT_EQ(run_subcommand("checkpoint", "x", commands, {"list", "a", "b"}), 2);
  EXPECT_EQ(run_subcommand("checkpoint", "x", commands, {"verify"}), 7);
  try {
    run_subcommand("checkpoint", "x", commands, {"verfy"});
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean verify?"));
  }
  testing::internal::CaptureStdout();
  for (const Arguments& words : {Arguments{}, Arguments{"help"}, Arguments{"--help"}}) {
    EXPECT_EQ(run_subcommand("checkpoint", "x", commands, words), 0);
  }
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("  list    lists\n"));
  EXPECT_EQ(run_subcommand("checkpoint", "x", commands, {"help", "list"}), 1) << "list gets --help";
}

TEST(Numbers, AreReadWholeAndWrittenShort) {
  EXPECT_EQ(parse_integer("42"), 42);
  EXPECT_EQ(parse_integer("3e9"), 3000000000);
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", " 1", "1 ", "1.5", "0x10", "1e300", "nan", "9223372036854775808", "1k", "+1"}) {
    EXPECT_FALSE(parse_integer(text).has_value()) << text;
  }
  for (const char* text : {"", "inf", "nan", "1e999", "0,1", "1 "})
    EXPECT_FALSE(parse_number(text).has_value()) << text;
  for (const double value : {0.1, 1e-8, 3e-4, 1.0, 0.95, 500000.0, 1.0 / 3}) {
    EXPECT_EQ(parse_number(format_number(value)), value);
  }
  EXPECT_EQ(format_number(0.0003), "0.0003");
  EXPECT_EQ(format_number(1e-5), "1e-05");
}

}  // namespace
}  // namespace trireme::options
