#include "launcher/options/program_text.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::options {
namespace {

TEST(Parameters, AreNamesAndValues) {
  const Parameters expected = {{"lr", "3e-4"}, {"data", "a, b.txt"}, {"_x", ""}};
  EXPECT_EQ(parse_parameters("lr = 3e-4, data = \"a, b.txt\", _x ="), expected);
  EXPECT_TRUE(parse_parameters("").empty());
}

TEST(Parameters, WrittenReadBackTheSame) {
  const Parameters all = {{"a", "1"}, {"b", "it's \"quoted\", with \\ and #"}, {"c", ""}, {"d", " spaces "}};
  EXPECT_EQ(parse_parameters(parameters_text(all)), all);
}

TEST(Parameters, WhatIsNoneIsRefused) {
  EXPECT_THROW(parse_parameters("lr"), base::InputError);
  EXPECT_THROW(parse_parameters("2lr = 1"), base::InputError);
  EXPECT_THROW(parse_parameters("l-r = 1"), base::InputError);
  EXPECT_THROW(parse_parameters("a = 1, a = 2"), base::InputError);
}

TEST(ExpandCommand, PutsValuesIntoTheCommandQuotedForTheShell) {
  EXPECT_EQ(expand_command("train.py --lr {lr} --name={name}", {{"lr", "3e-4"}, {"name", "a b; rm -rf $HOME"}}),
            "train.py --lr 3e-4 --name='a b; rm -rf $HOME'");
}

TEST(ExpandCommand, LeavesTheShellsOwnBracesAlone) {
  EXPECT_EQ(expand_command("echo ${HOME} {} { x; } {1..3}", {}), "echo ${HOME} {} { x; } {1..3}");
  EXPECT_EQ(expand_command("awk '{{print}}'", {}), "awk '{print}'");
}

TEST(ExpandCommand, NamesAParameterThatIsMissing) {
  try {
    expand_command("train.py {learning_rat}", {{"learning_rate", "1"}});
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean {learning_rate}?"), std::string::npos) << error.what();
  }
}

TEST(ProgramRun, RefusesKeysThatDoNothing) {
  const char* const program = "[program]\ncommand = x\n";
  EXPECT_THROW(parse_run_options(std::string(program) + "[model]\nlayers = 3\n", "run.ini"), base::InputError);
  EXPECT_THROW(parse_run_options(std::string(program) + "[slurm]\nlauncher = srun\n", "run.ini"), base::InputError);
  EXPECT_THROW(parse_run_options("[program]\nlauncher = mpirun\n", "run.ini"), base::InputError);
  EXPECT_THROW(parse_run_options(program, "run.ini", {{"train.steps", "3"}}), base::InputError);
  EXPECT_NO_THROW(parse_run_options(std::string(program) + "[slurm]\nnodes = 3\n[run]\nseed = 7\n", "run.ini"));
}

TEST(ProgramRun, StoredReadsBackTheSame) {
  const auto options = parse_run_options(
      "[program]\ncommand = a \"b # c\" {x}\nparams = x = \"1, 2\"\nstop_seconds = 7\n[slurm]\nnodes = 2\n", "run.ini");
  const auto again = parse_run_options(to_ini(options), "stored");
  EXPECT_EQ(to_map(again), to_map(options));
  EXPECT_EQ(program_command(again.program), "a \"b # c\" '1, 2'");
  EXPECT_EQ(to_map(options).count("model.init_std"), 0U);
}

}  // namespace
}  // namespace trireme::options
