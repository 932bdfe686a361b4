// What a run's job asks for, as words for sbatch. The same words are in the batch script (#SBATCH lines) and on
// sbatch's command line, where no SBATCH_* variable overrides them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"
#include "slurm/submit/geometry.hpp"

namespace trireme::slurm {

struct ScriptPlan;

/// Returns the words, each one an argument, without quotes: "--job-name=my run", "--nodes=2", …; the words of
/// slurm.extra come last. Throws base::InputError for what Slurm cannot be told: a line break or another control
/// character, a backslash in the log directory (sbatch then does not expand %j), and what extra_words() refuses.
std::vector<std::string> job_settings(const ScriptPlan& plan, const Site& site);

/// "--nodes=2-4", or "--nodes=4" where both are 4.
std::string nodes_word(std::int64_t fewest, std::int64_t most);

/// The word that asks for SIGUSR1 at the batch script before the end of a job of so many seconds. `measured`: seconds
/// of a step and a save; 0: not measured.
std::string signal_word(std::int64_t seconds, double measured);

/// Splits slurm.extra as a shell would, without expanding anything: spaces separate, quotes and backslashes keep text
/// together. A value that is separate from its option is joined to it: "-p gpu" becomes "-pgpu", "--mail-type END"
/// becomes "--mail-type=END". Throws base::InputError for a quote that does not end, for a word that belongs to no
/// option, and for options that have a key of their own, naming it: otherwise the job would not get what was checked
/// and printed.
std::vector<std::string> extra_words(const std::string& extra);

/// Writes a word for an #SBATCH line: in double quotes where sbatch would read something else.
std::string directive_word(const std::string& word);

/// Whether a stopped job may come back by itself: it may unless the request's extra words say --no-requeue. (A site's
/// JobRequeue=0 is only the default for jobs that do not say.)
bool may_requeue(const JobRequest& request);

}  // namespace trireme::slurm
