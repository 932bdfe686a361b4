// The subcommands: one file each. Every function gets the words after its own name, prints to stdout, and returns
// the exit code; base::InputError and base::Error thrown become exit codes 2 and 1 with their sentence.
#pragma once

#include <string>
#include <vector>

namespace trireme::launcher {

using Arguments = std::vector<std::string>;

int tokenizer_command(const Arguments& arguments);
int prepare_command(const Arguments& arguments);
int checkpoint_command(const Arguments& arguments);
int submit_command(const Arguments& arguments);
int sweep_command(const Arguments& arguments);
int job_command(const Arguments& arguments);
int devcluster_command(const Arguments& arguments);
int doctor_command(const Arguments& arguments);
int status_command(const Arguments& arguments);
int stop_command(const Arguments& arguments);
int save_command(const Arguments& arguments);
int resume_command(const Arguments& arguments);

}  // namespace trireme::launcher
