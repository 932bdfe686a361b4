#include "io/checkpoint/load/tensor_match.hpp"

#include <algorithm>
#include <string_view>

#include "base/error.hpp"
#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {
namespace {

constexpr const char* kHint = "; name tensors in checkpoint.allow to go on without them";

std::string label(const TensorName& tensor) { return checkpoint::label(tensor.first, tensor.second); }

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 5; ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > 5) text += base::str(" and ", names.size() - 5, " more");
  return text;
}

bool is_allowed(const LoadOptions& options, const std::string& name) {
  return std::ranges::count(options.allow, name) > 0;
}

bool is_allowed(const LoadOptions& options, const TensorName& tensor) {
  return is_allowed(options, tensor.second) || (tensor.first != kParam && is_allowed(options, kSlot + tensor.first));
}

/// Whether the shapes differ in the first dim only.
bool differ_in_rows_alone(const Shape& a, const Shape& b) {
  return a.size() == b.size() && !a.empty() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

/// Compares the shapes of a tensor that is both stored and wanted.
void match_shapes(const TableTensor& stored, const WantedBox& wanted, const LoadOptions& options, TensorMatch& match) {
  if (stored.shape == wanted.shape) return;
  const std::string name = checkpoint::label(wanted.slot, wanted.tensor);
  if (!differ_in_rows_alone(stored.shape, wanted.shape)) {
    match.problem =
        base::str("the shape of ", name, " is ", topology::to_string(topology::whole(stored.shape)),
                  " in the checkpoint and ", topology::to_string(topology::whole(wanted.shape)), " in the model");
    return;
  }
  const std::string rows =
      base::str(name, " has ", stored.shape[0], " rows in the checkpoint and ", wanted.shape[0], " in the model");
  if (wanted.shape[0] < stored.shape[0]) {
    match.problem = rows + ": a tensor may grow, it cannot shrink";
  } else if (!is_allowed(options, kGrow + wanted.tensor)) {
    match.problem = base::str(rows, ": checkpoint.allow = ", kGrow, wanted.tensor,
                              " fills the first ones and leaves the new ones at their initial values");
  } else {
    match.grown.insert(base::str(name, " from ", stored.shape[0], " to ", wanted.shape[0], " rows"));
  }
}

void put_names(Encoder& out, const TensorNames& names) {
  out.put<std::uint64_t>(names.size());
  for (const auto& [slot, name] : names) {
    out.put_text(slot);
    out.put_text(name);
  }
}

TensorNames get_names(Decoder& in) {
  TensorNames names;
  for (auto count = in.get<std::uint64_t>(); count > 0; --count) {
    std::string slot = in.get_text();
    names.emplace(std::move(slot), in.get_text());
  }
  return names;
}

void put_texts(Encoder& out, const std::set<std::string>& texts) {
  out.put<std::uint64_t>(texts.size());
  for (const auto& text : texts) out.put_text(text);
}

void get_texts(Decoder& in, std::set<std::string>& texts) {
  for (auto count = in.get<std::uint64_t>(); count > 0; --count) texts.insert(in.get_text());
}

/// The slots of `names`, in order.
std::vector<std::string> slots_among(const TensorNames& names) {
  std::set<std::string> slots;
  for (const auto& [slot, name] : names) slots.insert(slot);
  return {slots.begin(), slots.end()};
}

/// Tensors of the table that are considered and that nobody wants.
TensorNames unwanted(const TensorMatch& match, const BoxTable& table, const LoadOptions& options) {
  TensorNames names;
  for (std::size_t t = 0; t < table.tensors.size(); ++t) {
    const auto& tensor = table.tensors[t];
    if (match.seen[t] == 0 && options.considers(tensor.slot)) names.emplace(tensor.slot, tensor.name);
  }
  return names;
}

/// The slots of which somebody wants a tensor that the table has.
std::set<std::string> shared_slots(const TensorMatch& match, const BoxTable& table) {
  std::set<std::string> slots;
  for (std::size_t t = 0; t < table.tensors.size(); ++t) {
    if (match.seen[t] != 0) slots.insert(table.tensors[t].slot);
  }
  return slots;
}

/// "slot momentum" for all tensors of a slot of which `known` says that one side has nothing, "adam_m a.weight" for
/// each other tensor.
template <typename Known>
std::vector<std::string> listed(const TensorNames& names, const Known& known) {
  std::vector<std::string> list;
  for (const auto& tensor : names) {
    std::string text = known(tensor.first) ? label(tensor) : "slot " + tensor.first;
    if (list.empty() || list.back() != text) list.push_back(std::move(text));
  }
  return list;
}

TensorNames refused(const TensorNames& names, const LoadOptions& options) {
  TensorNames left = names;
  std::erase_if(left, [&](const TensorName& tensor) { return is_allowed(options, tensor); });
  return left;
}

TensorNames of_params(const TensorNames& names) {
  TensorNames params = names;
  std::erase_if(params, [](const TensorName& tensor) { return tensor.first != kParam; });
  return params;
}

/// One sentence about what is missing and what is unwanted beside the parameters: the optimizer is another one.
std::string state_problem(const TensorNames& missing, const TensorNames& extra,
                          const std::vector<std::string>& missing_list, const std::vector<std::string>& extra_list,
                          const BoxTable& table) {
  std::string text;
  if (!missing.empty()) {
    const std::string& tensor = missing.begin()->second;
    const std::string stored = join(table.slots_of(tensor));
    text = "the checkpoint has no " + join(missing_list);
    if (!stored.empty()) text += base::str(" (of ", tensor, " it has ", stored, ")");
  }
  if (!extra.empty()) text += base::str(text.empty() ? "" : " and ", "the model has no place for ", join(extra_list));
  TensorNames both = missing;
  both.insert(extra.begin(), extra.end());
  std::string words;
  for (const auto& slot : slots_among(both)) words += base::str(words.empty() ? "" : ",", kSlot, slot);
  return base::str(text, ": checkpoint.allow = ", words,
                   " begins what is missing at its initial values and leaves out what has no place");
}

}  // namespace

TensorMatch match_tensors(const BoxTable& table, std::span<const WantedBox> wanted, const LoadOptions& options) {
  TensorMatch match;
  match.seen.assign(table.tensors.size(), '\0');
  for (const auto& box : wanted) {
    if (box.box.empty()) continue;
    if (!is_loaded_type(box.dtype)) {
      match.problem = base::str("checkpoints hold no ", name_of(box.dtype), ", as ",
                                checkpoint::label(box.slot, box.tensor), " is");
      break;
    }
    const auto index = options.considers(box.slot) ? table.find(box.slot, box.tensor) : -1;
    if (index < 0) {
      match.missing.emplace(box.slot, box.tensor);
    } else {
      match.seen[static_cast<std::size_t>(index)] = 1;
      match_shapes(table.tensors[static_cast<std::size_t>(index)], box, options, match);
    }
  }
  return match;
}

void merge(TensorMatch& match, const TensorMatch& other) {
  if (match.problem.empty()) match.problem = other.problem;
  match.seen.resize(other.seen.size(), '\0');
  for (std::size_t t = 0; t < match.seen.size(); ++t) match.seen[t] = static_cast<char>(match.seen[t] | other.seen[t]);
  match.missing.insert(other.missing.begin(), other.missing.end());
  match.grown.insert(other.grown.begin(), other.grown.end());
}

void find_differences(TensorMatch& match, const BoxTable& table, const LoadOptions& options, LoadResult& result) {
  const TensorNames extra = options.part ? TensorNames() : unwanted(match, table, options);
  const std::vector<std::string> stored = table.slots();
  const std::set<std::string> shared = shared_slots(match, table);
  const auto list_missing = [&](const TensorNames& names) {
    return listed(names,
                  [&](const std::string& slot) { return slot == kParam || std::ranges::count(stored, slot) > 0; });
  };
  const auto list_extra = [&](const TensorNames& names) {
    return listed(names, [&](const std::string& slot) { return slot == kParam || shared.contains(slot); });
  };
  result.missing = list_missing(match.missing);
  result.unexpected = list_extra(extra);
  if (!match.problem.empty()) return;
  const TensorNames missing = refused(match.missing, options);
  const TensorNames left = refused(extra, options);
  if (!of_params(missing).empty()) {
    match.problem = base::str("the checkpoint has no ", join(list_missing(of_params(missing))), kHint);
  } else if (!of_params(left).empty()) {
    match.problem = base::str("the model has no place for ", join(list_extra(of_params(left))), kHint);
  } else if (!missing.empty() || !left.empty()) {
    match.problem = state_problem(missing, left, list_missing(missing), list_extra(left), table);
  }
}

std::vector<std::string> find_unknown(const TensorMatch& match, const BoxTable& table, const LoadOptions& options) {
  std::vector<std::string> slots = table.slots();
  for (const auto& slot : slots_among(match.missing)) slots.push_back(slot);
  std::erase_if(slots, [&](const std::string& slot) { return !options.considers(slot); });
  std::vector<std::string> unknown;
  for (const auto& word : options.allow) {
    if (word.starts_with(kSlot)) {
      const std::string slot = word.substr(std::string_view(kSlot).size());
      if (slot == kParam || std::ranges::count(slots, slot) == 0) unknown.push_back(word);
      continue;
    }
    const std::string name = word.starts_with(kGrow) ? word.substr(std::string_view(kGrow).size()) : word;
    const bool known = std::ranges::any_of(slots, [&](const std::string& slot) {
      return table.find(slot, name) >= 0 || match.missing.contains({slot, name});
    });
    if (!known) unknown.push_back(word);
  }
  return unknown;
}

std::string encode_match(const TensorMatch& match) {
  Encoder out;
  out.put_text(match.problem);
  out.put_text(match.seen);
  put_names(out, match.missing);
  put_texts(out, match.grown);
  return out.take();
}

TensorMatch decode_match(const std::string& bytes) {
  Decoder in(bytes);
  TensorMatch match;
  match.problem = in.get_text();
  match.seen = in.get_text();
  match.missing = get_names(in);
  get_texts(in, match.grown);
  return match;
}

Box stored_part(const TableTensor& stored, const WantedBox& wanted) {
  const auto part = topology::intersect(topology::whole(stored.shape), wanted.box);
  return part ? *part : Box{wanted.box.offset, Shape(wanted.box.size.size(), 0)};
}

}  // namespace trireme::checkpoint
