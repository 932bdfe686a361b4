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
int import_command(const Arguments& arguments);
int export_command(const Arguments& arguments);
int submit_command(const Arguments& arguments);
int sweep_command(const Arguments& arguments);
// Subcommands of sweep (commands/sweep_show.cpp).
int sweep_status_command(const Arguments& arguments);
int sweep_best_command(const Arguments& arguments);
int sweep_stop_command(const Arguments& arguments);
int job_command(const Arguments& arguments);
// Subcommands of job (commands/program.cpp).
int job_start_command(const Arguments& arguments);
int job_rank_command(const Arguments& arguments);
int job_signal_command(const Arguments& arguments);
int job_trial_command(const Arguments& arguments);  // commands/job_trial.cpp
int job_spare_command(const Arguments& arguments);  // commands/spare.cpp
/// Whether the words after `trireme train` name a run of somebody's own program ([program]). False on all ranks of a
/// launch but the first, and for words and files that the helper refuses, where there is one.
bool is_program_run(const Arguments& arguments);
int train_program_command(const Arguments& arguments);
int devcluster_command(const Arguments& arguments);
int doctor_command(const Arguments& arguments);
int status_command(const Arguments& arguments);
int reproduce_command(const Arguments& arguments);
int runs_command(const Arguments& arguments);
int data_command(const Arguments& arguments);
int plot_command(const Arguments& arguments);
int usage_command(const Arguments& arguments);
int report_command(const Arguments& arguments);
int stop_command(const Arguments& arguments);
int save_command(const Arguments& arguments);
int resume_command(const Arguments& arguments);

}  // namespace trireme::launcher
