#include "slurm/submit/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/error.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/submit/batch_script.hpp"

namespace trireme::slurm {
namespace {

using base::InputError;
using base::str;

// An option of sbatch that slurm.extra may not contain, and the key that sets it.
struct Reserved {
  std::string_view name;
  char letter;  // 0 = it has none
  const char* instead;
};
constexpr std::array kReserved = {
    Reserved{"nodes", 'N', "set slurm.nodes"},
    Reserved{"ntasks", 'n', "set slurm.ranks_per_node"},
    Reserved{"ntasks-per-node", 0, "set slurm.ranks_per_node"},
    Reserved{"ntasks-per-core", 0, "set slurm.cpus_per_task"},
    Reserved{"ntasks-per-gpu", 0, "set slurm.ranks_per_node"},
    Reserved{"ntasks-per-socket", 0, "set slurm.ranks_per_node"},
    Reserved{"cpus-per-task", 'c', "set slurm.cpus_per_task"},
    Reserved{"gpus", 'G', "set slurm.gpus_per_node"},
    Reserved{"gpus-per-node", 0, "set slurm.gpus_per_node"},
    Reserved{"gpus-per-task", 0, "set slurm.gpus_per_node"},
    Reserved{"mem", 0, "set slurm.mem"},
    Reserved{"mem-per-cpu", 0, "set slurm.mem"},
    Reserved{"mem-per-gpu", 0, "set slurm.mem"},
    Reserved{"time", 't', "set slurm.time"},
    Reserved{"partition", 'p', "set slurm.partition"},
    Reserved{"account", 'A', "set slurm.account"},
    Reserved{"qos", 'q', "set slurm.qos"},
    Reserved{"constraint", 'C', "set slurm.constraint"},
    Reserved{"job-name", 'J', "set run.name"},
    Reserved{"chdir", 'D', "call submit in that directory"},
    Reserved{"output", 'o', "logs lie in the run directory"},
    Reserved{"open-mode", 0, "a requeued job goes on with its log"},
    Reserved{"array", 'a', "give submit several run files"},
    Reserved{"requeue", 0, "jobs are requeued unless they say --no-requeue or are links of a chain"},
    Reserved{"signal", 0, "the script asks for the signal that it knows"},
    Reserved{"wrap", 0, "the job runs submit's script"},
    Reserved{"parsable", 0, "submit reads the job's number"},
    Reserved{"test-only", 0, "submit --dry-run submits nothing"},
    Reserved{"wait", 'W', "submit does not wait"},
    Reserved{"clusters", 'M', "set SLURM_CLUSTERS, which the other commands see too"},
};

[[noreturn]] void refuse_extra(const std::string& word, const std::string& why) {
  throw InputError(str("slurm.extra holds ", word, ": ", why));
}

// getopt accepts shortened names ("--part=x"), so every prefix of a reserved name counts.
void check_reserved(const std::string& word) {
  const bool is_long = word.starts_with("--");
  const std::string name =
      is_long ? word.substr(2, word.find('=') == std::string::npos ? word.npos : word.find('=') - 2) : std::string();
  for (const Reserved& reserved : kReserved) {
    const bool same =
        is_long ? !name.empty() && reserved.name.starts_with(name) : word.size() > 1 && reserved.letter == word[1];
    if (same) refuse_extra(word, reserved.instead);
  }
}

std::vector<std::string> shell_words(const std::string& text) {
  std::vector<std::string> words;
  bool within = false;  // inside a word, which quotes may make empty
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t')) {
      within = false;
      continue;
    }
    if (!within) words.emplace_back();
    within = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) throw InputError(str("slurm.extra = ", text, ": a quote does not end"));
  return words;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// A line break would begin a new line in the script.
void check_characters(const std::string& word) {
  const bool control =
      std::ranges::any_of(word, [](const char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  if (!control) return;
  std::string shown;
  for (const char c : word) shown += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  throw InputError(str("Slurm cannot be told ", shown, ": it holds a line break or another control character (?)"));
}

void add_size(const ScriptPlan& plan, std::vector<std::string>& words) {
  const Geometry& geometry = plan.geometry;
  if (plan.elastic()) {
    // Slurm would fix the number of tasks, and so of nodes, at the first start. Whole nodes are asked for instead.
    words.push_back(nodes_word(geometry.min_nodes, geometry.nodes));
    const auto extra = extra_words(plan.request.extra);
    if (std::ranges::count(extra, "--exclusive") == 0) words.emplace_back("--exclusive");
  } else {
    words.push_back(str("--nodes=", geometry.nodes));
    words.push_back(str("--ntasks-per-node=", geometry.ranks_per_node));
    words.push_back(str("--cpus-per-task=", geometry.cpus_per_task));
  }
  if (!geometry.mem.empty()) words.push_back("--mem=" + geometry.mem);
}

void add_gpus(const ScriptPlan& plan, const Site& site, std::vector<std::string>& words) {
  if (plan.geometry.gpus_per_node == 0) return;
  const std::string request = !plan.request.gpu_request.empty() ? plan.request.gpu_request
                              : !site.gpu_request.empty()       ? site.gpu_request
                                                                : "--gpus-per-node={gpus}";
  for (const std::string& word :
       shell_words(replaced(request, "{gpus}", std::to_string(plan.geometry.gpus_per_node)))) {
    if (!word.starts_with('-')) {
      throw InputError(str("the GPU request ", request, " holds ", word, ", which belongs to no option: write ",
                           "--gres=gpu:{gpus}"));
    }
    words.push_back(word);
  }
}

void add_log(const ScriptPlan& plan, std::vector<std::string>& words) {
  if (plan.log_directory.find('\\') != std::string::npos) {
    throw InputError(str("the run directory's name holds a backslash, with which Slurm puts no job number into the ",
                         "log's name: ", plan.log_directory));
  }
  words.emplace_back("--open-mode=append");
  words.push_back(
      str("--output=", replaced(plan.log_directory, "%", "%%"), plan.array() ? "/job.%A_%a.log" : "/job.%j.log"));
}

// Slurm may send the signal up to a minute early, so a job of a few minutes does without. The training watches the time
// limit itself and stops later.
void add_signal(const ScriptPlan& plan, std::vector<std::string>& words) {
  constexpr std::int64_t kShort = 300;
  if (plan.geometry.seconds >= kShort) words.push_back(signal_word(plan.geometry.seconds, plan.measured));
}

}  // namespace

std::string nodes_word(std::int64_t fewest, std::int64_t most) {
  return fewest < most ? str("--nodes=", fewest, "-", most) : str("--nodes=", most);
}

std::string signal_word(std::int64_t seconds, double measured) {
  const double most = measured > 0 ? std::clamp(2 * measured + 30, 60.0, 600.0) : 300.0;
  return str("--signal=B:USR1@", std::clamp<std::int64_t>(seconds / 20, 10, static_cast<std::int64_t>(most)));
}

std::vector<std::string> job_settings(const ScriptPlan& plan, const Site& site) {
  const JobRequest& request = plan.request;
  const bool several = plan.runs.size() > 1;
  std::vector<std::string> words = {"--job-name=" + (several ? std::string("trireme") : plan.runs[0].name),
                                    "--chdir=" + plan.work_directory};
  const std::int64_t tasks = plan.sweep ? plan.sweep->tasks : std::ssize(plan.runs);
  if (plan.array()) words.push_back(str("--array=0-", tasks - 1, plan.at_once > 0 ? str('%', plan.at_once) : ""));
  add_size(plan, words);
  add_gpus(plan, site, words);
  words.push_back("--time=" + format_slurm_duration(plan.geometry.seconds));
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.push_back(option + value);
  };
  add("--partition=", request.partition);
  add("--account=", request.account.empty() ? site.account : request.account);
  add("--qos=", request.qos);
  add("--constraint=", request.constraint);
  words.emplace_back(plan.requeue ? "--requeue" : "--no-requeue");
  add_log(plan, words);
  add_signal(plan, words);
  // A lost node must not end the others: the script goes on without it.
  if (plan.geometry.nodes > 1 || plan.spare) words.emplace_back("--no-kill");
  for (const std::string& word : extra_words(request.extra)) words.push_back(word);
  for (const std::string& word : words) check_characters(word);
  return words;
}

std::vector<std::string> extra_words(const std::string& extra) {
  std::vector<std::string> words;
  bool open = false;  // the last word is an option without a value
  for (const std::string& word : shell_words(extra)) {
    if (word.starts_with('-') && word.size() > 1) {
      words.push_back(word);
      open = word.starts_with("--") ? word.find('=') == std::string::npos : word.size() == 2;
    } else if (open) {
      words.back() += (words.back().starts_with("--") ? "=" : "") + word;
      open = false;
    } else {
      refuse_extra(word.empty() ? "an empty word" : word, "it belongs to no option of sbatch");
    }
  }
  for (const std::string& word : words) {
    if (word == "--") refuse_extra(word, "it belongs to no option of sbatch");
    check_reserved(word);
  }
  return words;
}

std::string directive_word(const std::string& word) {
  constexpr const char* kSpecial = " \t\"\\'#";
  if (!word.empty() && word.find_first_of(kSpecial) == std::string::npos) return word;
  const auto quoted = [](const std::string& text) {
    return '"' + replaced(replaced(text, "\\", "\\\\"), "\"", "\\\"") + '"';
  };
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || word.find_first_of(kSpecial) < equals) return quoted(word);
  return word.substr(0, equals + 1) + quoted(word.substr(equals + 1));
}

bool may_requeue(const JobRequest& request) {
  return std::ranges::none_of(extra_words(request.extra), [](const std::string& word) {
    // Counts every prefix of the name that is not a prefix of another option.
    return word.size() > 5 && std::string_view("--no-requeue").starts_with(word);
  });
}

}  // namespace trireme::slurm
