// record.jsonl: what each attempt of a run had (docs/reproduce.md), so that somebody else can repeat it. Rank 0 appends
// a line when an attempt begins to train.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/record/surroundings.hpp"

namespace trireme::launcher {

inline constexpr const char* kRecordName = "record.jsonl";

struct DatasetRecord {
  std::string key;          ///< "data.train" or "data.valid"
  std::string name;         ///< as the options have it: a path, or "team:web-v2"
  std::string path;         ///< absolute
  std::string fingerprint;  ///< equal fingerprints mean equal tokens, documents, mask and tokenizer
  double weight = 0;        ///< 0 = not given
  std::uint64_t bytes = 0;  ///< of the file
  std::uint64_t tokens = 0;
};

struct AttemptRecord {
  int attempt = 0;
  double time = 0;      ///< seconds since the epoch
  std::string options;  ///< resolved, as options::to_ini() writes them
  std::string version;
  std::string commit;                            ///< "" where the build knows none
  std::map<std::string, std::string> libraries;  ///< name -> version
  std::vector<DatasetRecord> datasets;
  std::string tokenizer;  ///< hash; "" for somebody's own program
  std::string layout;     ///< as the ledger has it: "tp2·pp2"
  int ranks = 1;
  int ranks_per_node = 1;
  int threads = 0;     ///< of a rank; 0 = not known (somebody's own program)
  std::string device;  ///< "cpu", "cuda"
  CpuKind cpu;         ///< of rank 0's node
  std::int64_t first_step = 0;
  std::string
      from;  ///< what it began with: "scratch", "checkpoints/step_20", "fast_dir", or the checkpoint of init_from
  std::string init_digest;  ///< of that checkpoint's manifest, or of a Hugging Face directory's record; "" where it
                            ///< began with none
  std::string order;        ///< of samples (tokens::order_id); "" where a version wrote none
  std::vector<std::string> hosts;
  std::string directory;   ///< absolute path of the run directory then
  std::string started_in;  ///< the directory that relative paths of the options began at
  Variables environment;   ///< those that may be recorded
};

/// What this program and this machine add to any record: time, versions, CPU, environment.
AttemptRecord record_of_here();

/// Describes the datasets of the option `key`, whose value is `list`. `datasets`: those that it names, in order.
std::vector<DatasetRecord> describe_datasets(const std::string& key, const std::string& list,
                                             const std::vector<tokens::TokenDataset>& datasets);

/// One line of the file, and back. record_from() throws Json::exception or base::Error for what is no such line.
base::Json to_json(const AttemptRecord& record);
AttemptRecord record_from(const base::Json& line);

/// Appends a line, fsynced. A torn last line, which a killed attempt left, is cut first. Errors as
/// base::FileSystem::open_own().
void append_record(base::FileSystem& files, const std::filesystem::path& run_directory, const AttemptRecord& record);

/// Reads the records of a run's attempts, oldest first. Of two with the same number the later one counts. Passes over
/// damaged lines and a torn last one; a missing file holds none. base::InputError for what is no file of the run's own.
std::vector<AttemptRecord> read_attempt_records(base::FileSystem& files, const std::filesystem::path& run_directory,
                                                base::Trust trust = base::Trust::kOwner);

}  // namespace trireme::launcher
