// Writes what a trial's processes would leave in its run directory.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file_system.hpp"
#include "base/json.hpp"

namespace trireme::tests {

class FakeTrial {
 public:
  explicit FakeTrial(std::filesystem::path run) : run_(std::move(run)) {
    std::filesystem::create_directories(run_ / "logs");
  }

  void begins(std::int64_t steps) {
    append("attempts.jsonl", {{"event", "start"}, {"attempt", ++attempt_}, {"run_id", "a"}, {"steps", steps}});
  }
  void measures(std::int64_t step, const std::string& metric, const base::Json& value) {
    append("metrics.jsonl", {{"step", step}, {metric, value}});
  }
  void ends(std::int64_t step, const std::string& reason, int code) {
    append("attempts.jsonl",
           {{"event", "end"}, {"attempt", attempt_}, {"reason", reason}, {"last_step", step}, {"saved_step", step}});
    const base::Json outcome{
        {"exit_code", code}, {"reason", reason}, {"step", step}, {"saved_step", step}, {"come_back", false}};
    base::PosixFileSystem().replace(run_ / "logs" / ("outcome." + std::to_string(attempt_)),
                                    base::to_line(outcome) + "\n");
  }

 private:
  void append(const std::string& name, const base::Json& line) {
    std::ofstream(run_ / name, std::ios::app) << base::to_line(line) << "\n";
  }

  std::filesystem::path run_;
  int attempt_ = 0;
};

}  // namespace trireme::tests
