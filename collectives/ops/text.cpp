#include "collectives/ops/text.hpp"

#include <cstdint>
#include <utility>

namespace trireme::collectives {

std::string share_text(Communicator& group, std::string text, int root, const Wait& wait) {
  const auto complete = [&](Request request) { wait ? wait(std::move(request)) : request.wait(); };
  std::int64_t length = std::ssize(text);
  complete(group.start_broadcast(&length, 1, DataType::kInt64, root));
  text.resize(static_cast<std::size_t>(length));
  complete(group.start_broadcast(text.data(), text.size(), DataType::kUInt8, root));
  return text;
}

}  // namespace trireme::collectives
