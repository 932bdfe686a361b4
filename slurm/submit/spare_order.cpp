#include "slurm/submit/spare_order.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"

namespace trireme::slurm {

std::filesystem::path spare_order_file(const std::filesystem::path& run_directory, int attempt) {
  return run_directory / "logs" / base::str("spare.", attempt);
}

void write_spare_order(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt,
                       const Slice& slice) {
  files.replace(spare_order_file(run_directory, attempt),
                base::to_line({{"nodes", slice.nodes}, {"fewest", slice.fewest}, {"seconds", slice.seconds}}) + '\n');
}

std::optional<Slice> read_spare_order(base::FileSystem& files, const std::filesystem::path& run_directory,
                                      int attempt) {
  const auto file = spare_order_file(run_directory, attempt);
  if (!files.exists(file)) return std::nullopt;
  try {
    const base::Json json = base::Json::parse(base::read_own(files, file, base::Trust::kOwner), nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const Slice slice{{}, json.at("nodes"), json.at("fewest"), json.at("seconds")};
    const bool whole = slice.fewest >= 1 && slice.nodes >= slice.fewest && slice.seconds >= 60;
    return whole ? std::optional(slice) : std::nullopt;
  } catch (const base::Json::exception&) {
    return std::nullopt;
  } catch (const base::InputError&) {  // something else in its place
    return std::nullopt;
  }
}

}  // namespace trireme::slurm
