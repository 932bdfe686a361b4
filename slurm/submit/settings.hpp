// What a run's job is asked for, as words for sbatch. The same words stand in the batch script (#SBATCH lines) and on
// sbatch's command line, where no SBATCH_* variable overrides them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"
#include "slurm/submit/geometry.hpp"

namespace trireme::slurm {

struct ScriptPlan;

/// The words, each one argument, nothing quoted: "--job-name=my run", "--nodes=2", …; slurm.extra's words stand last.
/// base::InputError for what Slurm cannot be told: a line break or another control character, a backslash in the
/// log directory (sbatch then leaves %j as it is), and what extra_words() refuses.
std::vector<std::string> job_settings(const ScriptPlan& plan, const Site& site);

/// slurm.extra taken apart as a shell would, without expanding anything: spaces separate, quotes and backslashes keep
/// together. A value apart from its option is joined to it: "-p gpu" is "-pgpu", "--mail-type END" "--mail-type=END".
/// base::InputError for a quote that does not end, a word that belongs to no option, and options that have a key of
/// their own, with its name: what was checked and printed would not be what the job gets.
std::vector<std::string> extra_words(const std::string& extra);

/// A word as an #SBATCH line takes it: in double quotes where sbatch would read something else.
std::string directive_word(const std::string& word);

/// Whether a stopped job may come back by itself: unless the request' extra words say --no-requeue. (A site's
/// JobRequeue=0 is only the default of jobs that do not say.)
bool may_requeue(const JobRequest& request);

}  // namespace trireme::slurm
