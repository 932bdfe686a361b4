#include "launcher/doctor/gather.hpp"

#include <cstdint>

namespace trireme::doctor {

using collectives::DataType;
using collectives::Transfer;

std::vector<std::string> gather_texts(collectives::Communicator& control, const std::string& text) {
  const auto size = static_cast<std::size_t>(control.size());
  const std::int64_t own = std::ssize(text);
  std::vector<std::int64_t> lengths(size);
  control.all_gather(&own, lengths.data(), 1, DataType::kInt64);
  if (control.rank() != 0) {
    control.send(text.data(), text.size(), DataType::kUInt8, 0);
    return {};
  }
  std::vector<std::string> texts(size);
  std::vector<Transfer> transfers;
  texts[0] = text;
  for (std::size_t rank = 1; rank < size; ++rank) {
    texts[rank].resize(static_cast<std::size_t>(lengths[rank]));
    transfers.push_back({Transfer::Direction::kReceive, texts[rank].data(), texts[rank].size(), DataType::kUInt8,
                         static_cast<int>(rank)});
  }
  control.start_exchange(transfers).wait();
  return texts;
}

}  // namespace trireme::doctor
