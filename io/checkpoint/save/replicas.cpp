#include "io/checkpoint/save/replicas.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "base/error.hpp"
#include "io/checkpoint/format/box_table_layout.hpp"

namespace trireme::checkpoint {
namespace {

/// One declared box, with pointers into what the ranks declared.
struct Entry {
  std::uint32_t tensor;
  const Box* box;
  Holder holder;
};

void check_box(const DeclaredBox& box) {
  const auto fail = [&](const std::string& problem) {
    throw base::Error(base::str("cannot store ", label(box.slot, box.tensor), ": ", problem));
  };
  if (!base::is_slot_name(box.slot)) {
    fail("a slot's name is a lower-case letter, then at most 31 lower-case letters, digits and '_'");
  }
  if (!is_tensor_name(box.tensor)) fail("its name is empty, too long or has a '/'");
  if (!is_stored_type(box.dtype)) fail(base::str("checkpoints hold no ", name_of(box.dtype)));
  if (box.shape.size() > kMaxDims) fail(base::str("it has more than ", kMaxDims, " dims"));
  if (box.box.offset.size() != box.shape.size() || box.box.size.size() != box.shape.size()) {
    fail("its piece has another number of dims");
  }
  for (std::size_t d = 0; d < box.shape.size(); ++d) {
    if (box.shape[d] <= 0) fail("it has no elements");
    if (box.box.offset[d] < 0 || box.box.size[d] < 0 || box.box.offset[d] + box.box.size[d] > box.shape[d]) {
      fail(base::str("piece ", topology::to_string(box.box), " lies outside"));
    }
  }
}

/// Numbers tensors in the order in which they appear. Ranks declare the boxes of one tensor one after another, so most
/// lookups repeat the last tensor.
class TensorNumbers {
 public:
  /// `box` must outlive it.
  std::uint32_t number_of(const DeclaredBox& box) {
    if (last_ != nullptr && last_->slot == box.slot && last_->tensor == box.tensor) {
      check_same(*first_[number_], box);
      return number_;
    }
    const auto fresh = static_cast<std::uint32_t>(first_.size());
    number_ = numbers_[box.slot].emplace(box.tensor, fresh).first->second;
    if (number_ == fresh) first_.push_back(&box);
    last_ = &box;
    check_same(*first_[number_], box);
    return number_;
  }

  /// Returns the tensors in order; `place` receives the new index of each number.
  std::vector<PlannedTensor> sorted(std::vector<std::uint32_t>& place) const {
    std::vector<std::uint32_t> order(first_.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return TensorOrder()({first_[a]->slot, first_[a]->tensor}, {first_[b]->slot, first_[b]->tensor});
    });
    std::vector<PlannedTensor> tensors;
    place.resize(first_.size());
    for (const auto number : order) {
      const DeclaredBox& box = *first_[number];
      place[number] = static_cast<std::uint32_t>(tensors.size());
      tensors.push_back({box.slot, box.tensor, box.shape, box.dtype});
    }
    return tensors;
  }

 private:
  static void check_same(const DeclaredBox& first, const DeclaredBox& box) {
    if (first.shape != box.shape || first.dtype != box.dtype) {
      throw base::Error(base::str("ranks disagree about the shape or type of ", label(box.slot, box.tensor)));
    }
  }

  std::map<std::string_view, std::unordered_map<std::string_view, std::uint32_t>> numbers_;  // one map for each slot
  std::vector<const DeclaredBox*> first_;
  const DeclaredBox* last_ = nullptr;
  std::uint32_t number_ = 0;
};

/// All boxes that are not empty, ordered by (tensor, box, rank, index among the rank's boxes).
std::vector<Entry> sort_boxes(const std::vector<std::vector<DeclaredBox>>& declared,
                              std::vector<PlannedTensor>& tensors) {
  TensorNumbers numbers;
  std::size_t boxes = 0;
  for (const auto& of_rank : declared) boxes += of_rank.size();
  std::vector<Entry> entries;
  entries.reserve(boxes);
  for (int rank = 0; rank < static_cast<int>(declared.size()); ++rank) {
    for (std::uint32_t i = 0; i < declared[rank].size(); ++i) {
      const DeclaredBox& box = declared[rank][i];
      check_box(box);
      const std::uint32_t number = numbers.number_of(box);
      if (!box.box.empty()) entries.push_back({number, &box.box, {rank, i}});
    }
  }
  std::vector<std::uint32_t> place;
  tensors = numbers.sorted(place);
  for (auto& entry : entries) entry.tensor = place[entry.tensor];
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.tensor != b.tensor) return a.tensor < b.tensor;
    const auto order = *a.box <=> *b.box;
    return order != 0 ? order < 0
                      : std::tie(a.holder.rank, a.holder.declared) < std::tie(b.holder.rank, b.holder.declared);
  });
  return entries;
}

}  // namespace

std::vector<Replicas> find_replicas(const std::vector<std::vector<DeclaredBox>>& declared,
                                    std::vector<PlannedTensor>& tensors, std::vector<Holder>& holders) {
  const std::vector<Entry> entries = sort_boxes(declared, tensors);
  holders.clear();
  holders.reserve(entries.size());  // so that spans into it stay valid
  std::vector<Replicas> groups;
  for (std::size_t first = 0; first < entries.size();) {
    const Entry& entry = entries[first];
    const std::size_t begin = holders.size();
    for (; first < entries.size() && entries[first].tensor == entry.tensor && *entries[first].box == *entry.box;
         ++first) {
      const Holder& holder = entries[first].holder;
      if (holders.size() == begin || holders.back().rank != holder.rank) holders.push_back(holder);
    }
    const auto bytes = static_cast<std::uint64_t>(entry.box->elements()) * size_of(tensors[entry.tensor].dtype);
    groups.push_back({entry.tensor, entry.box, bytes, std::span(holders).subspan(begin)});
  }
  return groups;
}

}  // namespace trireme::checkpoint
