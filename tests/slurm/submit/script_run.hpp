// Carries out a batch script by bash with stand-ins for trireme, mpirun, sbatch and scontrol.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "slurm/queue/command.hpp"
#include "slurm/submit/batch_script.hpp"
#include "tests/slurm/submit/sample_site.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::slurm {

class BatchScriptRun : public testing::Test {
 protected:
  BatchScriptRun() {
    std::filesystem::create_directories(run_directory() + "/logs");
    // Each call takes the next "<name>.<n>", whose first line is the exit code; without one it succeeds.
    program("trireme", "");
    program("scontrol", "");
    program("sbatch", "env | grep -c '^SBATCH_\\|^SLURM_JOB' >>\"$FAKE/leaked\"\n");
    program("mpirun", "env | grep '^OMPI_MCA_' >>\"$FAKE/mpi\"\n");
    site_.send_user_signal = true;  // mpirun needs no grace parameter then
    plan_.runs = {{"bible", path("it's `id` $HOME.ini"), run_directory()}};
    plan_.program = path("bin/trireme");
    plan_.work_directory = path("");
    plan_.log_directory = run_directory() + "/logs";
    plan_.geometry = plan_geometry(plan_.request, site_);
  }

  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string run_directory() const { return path("run \"1\" $x"); }

  void program(const std::string& name, const std::string& more) const {
    std::filesystem::create_directories(path("bin"));
    std::ofstream(path("bin/" + name)) << "#!/bin/bash\nn=$(($(cat \"$FAKE/" << name
                                       << ".count\" 2>/dev/null || echo 0) + 1))\necho \"$n\" >\"$FAKE/" << name
                                       << ".count\"\nprintf '%s|' \"$@\" >>\"$FAKE/" << name
                                       << ".calls\"; echo >>\"$FAKE/" << name << ".calls\"\n"
                                       << more << "answer=\"$FAKE/" << name << ".$n\"\n[ -e \"$answer\" ] || exit 0\n"
                                       << "tail -n +2 \"$answer\"\nexit \"$(head -n 1 \"$answer\")\"\n";
    std::filesystem::permissions(path("bin/" + name), std::filesystem::perms::owner_all);
  }

  void answer(const std::string& name, int call, int code, const std::string& text = "") const {
    std::ofstream(path(name + "." + std::to_string(call))) << code << '\n' << text;
  }

  int run() const {
    std::string text = batch_script(plan_, site_);
    const std::string pauses = "tries=40 pause=15\n";
    const std::size_t at = text.find(pauses);
    EXPECT_NE(at, std::string::npos) << text;
    text.replace(at, pauses.size(), "tries=4 pause=0\n");
    std::ofstream(path("script")) << text;
    const auto done = run_command({"env", "FAKE=" + path(""), "PATH=" + path("bin") + ":/usr/bin:/bin",
                                   "SLURM_JOB_ID=7", "SBATCH_PARTITION=x", "bash", path("script")});
    return done ? done->exit_code : -1;
  }

  std::vector<std::string> lines(const std::string& name) const {
    std::ifstream file(path(name));
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }

  tests::TemporaryDirectory directory_;
  Site site_ = sample_site();
  ScriptPlan plan_;
};

}  // namespace trireme::slurm
