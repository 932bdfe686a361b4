#include "launcher/record/attempt_record.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/names.hpp"
#include "base/own_file.hpp"
#include "io/tokens/blend.hpp"
#include "launcher/program/build_commit.hpp"
#include "launcher/program/version.hpp"
#include "slurm/queue/command_environment.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

constexpr int kMostAttempts = 100'000;  // as many as a ledger may have
constexpr std::int64_t kMostRanks = 10'000'000;

Json to_json(const DatasetRecord& dataset) {
  return {{"key", dataset.key},
          {"name", dataset.name},
          {"path", dataset.path},
          {"weight", dataset.weight},
          {"bytes", dataset.bytes},
          {"tokens", dataset.tokens},
          {"fingerprint", dataset.fingerprint}};
}

DatasetRecord dataset_from(const Json& line) {
  DatasetRecord dataset;
  dataset.key = line.value("key", "");
  dataset.name = line.value("name", "");
  dataset.path = line.value("path", "");
  dataset.weight = line.value("weight", 0.0);
  dataset.bytes = line.value("bytes", std::uint64_t{0});
  dataset.tokens = line.value("tokens", std::uint64_t{0});
  dataset.fingerprint = line.value("fingerprint", "");
  return dataset;
}

int count_from(const Json& line, const char* name, int least) {
  const auto count = line.value(name, std::int64_t{least});
  if (count < least || count > kMostRanks) throw base::Error("a record with an impossible number");
  return static_cast<int>(count);
}

void take_line(std::string_view text, std::vector<AttemptRecord>& records) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return;
  try {
    AttemptRecord record = record_from(line);
    // Its attempt ended before the ledger had its line, so that the number was given again. The numbers ascend.
    while (!records.empty() && records.back().attempt >= record.attempt) records.pop_back();
    if (records.size() < kMostAttempts) records.push_back(std::move(record));
  } catch (const Json::exception&) {
    // a field of another type: not our line
  } catch (const base::Error&) {
  }
}

}  // namespace

AttemptRecord record_of_here() {
  AttemptRecord record;
  record.time = base::wall_time();
  record.commit = kCommit;
  for (const LibraryVersion& library : library_versions()) {
    if (library.name == "trireme") {
      record.version = library.built_with;
    } else if (!library.built_with.empty()) {
      record.libraries[library.name] = library.loaded.empty() ? library.built_with : library.loaded;
    }
  }
  record.cpu = this_cpu();
  std::error_code deleted;  // a training with absolute paths goes on in a directory that is gone
  record.started_in = std::filesystem::current_path(deleted).string();
  record.environment = recorded_variables(slurm::own_environment());
  return record;
}

std::vector<DatasetRecord> describe_datasets(const std::string& key, const std::string& list,
                                             const std::vector<tokens::TokenDataset>& datasets) {
  std::vector<DatasetRecord> described;
  if (list.empty()) return described;
  const auto choices = tokens::parse_dataset_list(key, list);
  for (std::size_t i = 0; i < std::min(choices.size(), datasets.size()); ++i) {
    const tokens::TokenDataset& dataset = datasets[i];
    described.push_back({.key = key,
                         .name = choices[i].path,
                         .path = std::filesystem::absolute(dataset.path()).lexically_normal().string(),
                         .fingerprint = dataset.fingerprint(),
                         .weight = choices[i].weight,
                         .bytes = dataset.header().file_bytes,
                         .tokens = dataset.size()});
  }
  return described;
}

Json to_json(const AttemptRecord& record) {
  Json datasets = Json::array();
  for (const DatasetRecord& dataset : record.datasets) datasets.push_back(to_json(dataset));
  Json environment = Json::object();
  for (const auto& [name, value] : record.environment) environment[name] = value;
  return {{"attempt", record.attempt},
          {"time", record.time},
          {"version", record.version},
          {"commit", record.commit},
          {"libraries", record.libraries},
          {"layout", record.layout},
          {"ranks", record.ranks},
          {"ranks_per_node", record.ranks_per_node},
          {"threads", record.threads},
          {"device", record.device},
          {"cpu", {{"model", record.cpu.model}, {"flags", record.cpu.flags}}},
          {"first_step", record.first_step},
          {"from", record.from},
          {"init_digest", record.init_digest},
          {"order", record.order},
          {"directory", record.directory},
          {"started_in", record.started_in},
          {"hosts", record.hosts},
          {"tokenizer", record.tokenizer},
          {"datasets", datasets},
          {"environment", environment},
          {"options", record.options}};
}

AttemptRecord record_from(const Json& line) {
  AttemptRecord record;
  record.attempt = count_from(line, "attempt", 0);
  if (record.attempt < 1) throw base::Error("a record of no attempt");
  record.time = line.value("time", 0.0);
  record.version = line.value("version", "");
  record.commit = line.value("commit", "");
  record.libraries = line.value("libraries", std::map<std::string, std::string>{});
  record.layout = line.value("layout", "");
  record.ranks = count_from(line, "ranks", 1);
  record.ranks_per_node = count_from(line, "ranks_per_node", 1);
  record.threads = count_from(line, "threads", 0);
  record.device = line.value("device", "");
  const Json cpu = line.value("cpu", Json::object());
  record.cpu = {cpu.value("model", ""), cpu.value("flags", "")};
  record.first_step = line.value("first_step", std::int64_t{0});
  if (record.first_step < 0) throw base::Error("a record that begins before the first step");
  record.from = line.value("from", "");
  record.init_digest = line.value("init_digest", "");
  record.order = line.value("order", "");
  record.directory = line.value("directory", "");
  record.started_in = line.value("started_in", "");
  record.hosts = line.value("hosts", std::vector<std::string>{});
  std::erase_if(record.hosts, [](const std::string& host) { return !base::is_host_name(host); });
  record.tokenizer = line.value("tokenizer", "");
  for (const Json& dataset : line.value("datasets", Json::array())) record.datasets.push_back(dataset_from(dataset));
  for (const auto& [name, value] : line.value("environment", std::map<std::string, std::string>{})) {
    if (may_be_recorded(name)) record.environment.emplace_back(name, value);
  }
  record.options = line.value("options", "");
  return record;
}

void append_record(base::FileSystem& files, const std::filesystem::path& run_directory, const AttemptRecord& record) {
  const std::filesystem::path path = run_directory / kRecordName;
  const std::uint64_t good = base::read_ledger(files, path, base::Trust::kOwner, [](std::string_view) {});
  const auto file = files.open_own(path, base::OpenMode::kAppend, base::Trust::kOwner);
  if (good < file->size()) file->truncate(good);
  const std::string text = base::to_line(to_json(record)) + '\n';
  file->pwrite(text.data(), text.size(), good);
  file->sync();
}

std::vector<AttemptRecord> read_attempt_records(base::FileSystem& files, const std::filesystem::path& run_directory,
                                                base::Trust trust) {
  std::vector<AttemptRecord> records;
  base::read_ledger(files, run_directory / kRecordName, trust,
                    [&](std::string_view line) { take_line(line, records); });
  return records;
}

}  // namespace trireme::launcher
