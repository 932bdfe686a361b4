#include "io/checkpoint/load/tensor_agreement.hpp"

#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/format/wire.hpp"
#include "io/checkpoint/load/tensor_match.hpp"

namespace trireme::checkpoint {

LoadResult agree_on_tensors(Coordinator& coordinator, const BoxTable& table, std::span<const WantedBox> wanted,
                            const LoadOptions& options, const std::string& what) {
  Encoder agreed;
  const auto all = coordinator.gather(encode_match(match_tensors(table, wanted, options)));
  if (!all.empty()) {
    TensorMatch match;
    for (const auto& bytes : all) merge(match, decode_match(bytes));
    LoadResult found;
    find_differences(match, table, options, found);
    agreed.put_text(match.problem);
    for (const auto& list :
         {found.missing, found.unexpected, std::vector<std::string>(match.grown.begin(), match.grown.end()),
          find_unknown(match, table, options)}) {
      agreed.put<std::uint64_t>(list.size());
      for (const auto& name : list) agreed.put_text(name);
    }
  }
  const std::string bytes = coordinator.broadcast(agreed.take());
  Decoder in(bytes);
  const std::string problem = in.get_text();
  LoadResult result;
  for (auto* list : {&result.missing, &result.unexpected, &result.grown, &result.unknown}) {
    for (auto count = in.get<std::uint64_t>(); count > 0; --count) list->push_back(in.get_text());
  }
  if (!problem.empty()) throw base::InputError(base::str(what, " does not fit: ", problem));
  return result;
}

}  // namespace trireme::checkpoint
