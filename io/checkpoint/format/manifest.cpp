#include "io/checkpoint/format/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"

namespace trireme::checkpoint {
namespace {

using base::Json;

constexpr const char* kFormat = "trireme-checkpoint";
constexpr std::string_view kTailBegin = ",\n \"checksum\": \"";
constexpr std::string_view kTailEnd = "\"\n}\n";
constexpr std::size_t kDigits = 32;
constexpr std::size_t kTailLength = kTailBegin.size() + kDigits + kTailEnd.size();
/// Copying and printing JSON recurse, so the nesting that a text may ask for is bounded.
constexpr int kMaxNesting = 64;

std::string hex8(std::uint32_t value) {
  std::string text(8, '0');
  for (std::size_t i = 8; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

std::uint32_t parse_hex8(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 8 || error != std::errc() || end != text.data() + 8 || hex8(value) != text) {
    throw base::Error("a checksum is not 8 hex digits");
  }
  return value;
}

/// A shard's name must be relative, at most one folder deep, and must not lead out of the step directory.
void check_shard_name(const std::string& name) {
  const std::filesystem::path path(name);
  const bool plain =
      !name.empty() && path.is_relative() && path.lexically_normal() == path &&
      std::none_of(path.begin(), path.end(), [](const auto& part) { return part == ".." || part == "."; });
  if (!plain || name == kManifestName || name == kBoxesName) throw base::Error("a shard has the name '" + name + "'");
}

Json parse_text(const std::string& text) {
  return Json::parse(text, [](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxNesting) throw base::Error("its members are nested too deeply");
    return true;
  });
}

/// A directory called step_<N> must hold step N: a whole checkpoint under another name is not what the run saved.
void check_step(std::int64_t step, const std::filesystem::path& step_directory) {
  constexpr std::string_view kPrefix = "step_";
  const bool slash_ends = !step_directory.has_filename();
  const std::string name = (slash_ends ? step_directory.parent_path() : step_directory).filename().string();
  const bool number = name.size() > kPrefix.size() && name.starts_with(kPrefix) &&
                      name.find_first_not_of("0123456789", kPrefix.size()) == std::string::npos;
  if (number && name != base::str(kPrefix, step)) throw base::Error(base::str("it is of step ", step));
}

std::uint64_t parse_length(const Json& json) {
  if (!json.is_number_unsigned()) throw base::Error("a length is not a whole number");
  return json.get<std::uint64_t>();
}

Manifest parse_members(const Json& json) {
  Manifest manifest;
  manifest.step = base::whole_number(json.at("step"));
  manifest.run_id = json.at("run_id").get<std::string>();
  manifest.attempt = base::whole_number(json.at("attempt"));
  manifest.job = json.at("job").get<std::string>();
  manifest.created = json.at("created").get<std::string>();
  manifest.options = json.at("options").get<std::string>();
  manifest.layout = json.at("layout");
  manifest.cursor = json.at("cursor");
  manifest.extra = json.at("extra");
  manifest.versions = json.at("versions");
  manifest.boxes_bytes = parse_length(json.at("boxes").at("bytes"));
  if (manifest.boxes_bytes > kBoxesLimit) throw base::Error("BOXES.bin has more than 1 GiB");
  manifest.boxes_xxh3 = json.at("boxes").at("xxh3_128").get<std::string>();
  std::set<std::string> names;
  for (const Json& entry : json.at("files")) {
    ShardFile file{entry.at("name").get<std::string>(), parse_length(entry.at("bytes")),
                   parse_hex8(entry.at("metadata_crc32c").get<std::string>())};
    check_shard_name(file.name);
    if (!names.insert(file.name).second) throw base::Error("shard " + file.name + " is listed twice");
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace

std::string to_text(const Manifest& manifest) {
  Json files = Json::array();
  for (const auto& file : manifest.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"metadata_crc32c", hex8(file.metadata_crc32c)}});
  }
  const Json json = {{"format", kFormat},
                     {"version", kFormatVersion},
                     {"step", manifest.step},
                     {"run_id", manifest.run_id},
                     {"attempt", manifest.attempt},
                     {"job", manifest.job},
                     {"created", manifest.created},
                     {"options", manifest.options},
                     {"layout", manifest.layout},
                     {"cursor", manifest.cursor},
                     {"extra", manifest.extra},
                     {"versions", manifest.versions},
                     {"boxes", {{"bytes", manifest.boxes_bytes}, {"xxh3_128", manifest.boxes_xxh3}}},
                     {"files", std::move(files)}};
  std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace);
  text.resize(text.size() - 2);  // "\n}"
  text = base::str(text, kTailBegin, base::xxh3_hex(text), kTailEnd);
  if (text.size() > kManifestLimit) {
    throw base::Error(base::str("the manifest would take ", text.size(), " bytes, more than ", kManifestLimit,
                                ": write fewer files with a smaller checkpoint.shards_per_node"));
  }
  return text;
}

Manifest parse_manifest(const std::string& text, const std::filesystem::path& step_directory) {
  const auto damaged = [&](const std::string& problem) -> DamagedCheckpoint {
    return {step_directory, kManifestName, problem};
  };
  if (text.size() > kManifestLimit) throw damaged("it is longer than 1 MiB");
  if (text.size() < kTailLength) throw damaged("it is too short");
  const std::string_view body = std::string_view(text).substr(0, text.size() - kTailLength);
  if (text.substr(body.size()) != base::str(kTailBegin, base::xxh3_hex(body), kTailEnd)) {
    throw damaged("its checksum does not match");
  }
  try {
    const Json json = parse_text(text);
    if (json.at("format").get<std::string>() != kFormat) throw base::Error("it is of another program");
    const auto version = base::whole_number(json.at("version"));
    if (version < 1) throw base::Error(base::str("its version is ", version));
    if (version > kFormatVersion) {
      throw base::InputError(base::str("checkpoint ", step_directory.string(), " has format version ", version,
                                       ", this program reads versions up to ", kFormatVersion,
                                       ": use a later Trireme"));
    }
    Manifest manifest = parse_members(json);
    manifest.version = version;
    check_step(manifest.step, step_directory);
    manifest.checksum = json.at("checksum").get<std::string>();
    return manifest;
  } catch (const base::InputError&) {
    throw;
  } catch (const std::exception& error) {  // nlohmann's errors and ours
    throw damaged(error.what());
  }
}

}  // namespace trireme::checkpoint
