#include "io/checkpoint/load/tensor_match.hpp"

#include <algorithm>
#include <string_view>

#include "base/error.hpp"
#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {
namespace {

constexpr const char* kHint = "; name tensors in checkpoint.allow to go on without them";

std::string label(Kind kind, const std::string& name) { return base::str(name_of(kind), " ", name); }

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 5; ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > 5) text += base::str(" and ", names.size() - 5, " more");
  return text;
}

bool is_allowed(const LoadOptions& options, const std::string& name) {
  return std::ranges::count(options.allow, name) > 0;
}

bool is_chosen(const LoadOptions& options, Kind kind) { return std::ranges::count(options.kinds, kind) > 0; }

/// Whether the shapes differ in the first dim only.
bool differ_in_rows_alone(const Shape& a, const Shape& b) {
  return a.size() == b.size() && !a.empty() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

/// Compares the shapes of a tensor that is both stored and wanted.
void match_shapes(const TableTensor& stored, const WantedBox& wanted, const LoadOptions& options, TensorMatch& match) {
  if (stored.shape == wanted.shape) return;
  const std::string name = label(wanted.kind, wanted.tensor);
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

void put_names(Encoder& out, const std::set<std::string>& names) {
  out.put<std::uint64_t>(names.size());
  for (const auto& name : names) out.put_text(name);
}

void get_names(Decoder& in, std::set<std::string>& names) {
  for (auto count = in.get<std::uint64_t>(); count > 0; --count) names.insert(in.get_text());
}

}  // namespace

TensorMatch match_tensors(const BoxTable& table, std::span<const WantedBox> wanted, const LoadOptions& options) {
  TensorMatch match;
  match.seen.assign(table.tensors.size(), '\0');
  for (const auto& box : wanted) {
    if (box.box.empty()) continue;
    if (!is_loaded_type(box.dtype)) {
      match.problem =
          base::str("checkpoints hold no ", name_of(box.dtype), ", as ", label(box.kind, box.tensor), " is");
      break;
    }
    const auto index = is_chosen(options, box.kind) ? table.find(box.kind, box.tensor) : -1;
    if (index < 0) {
      const std::string name = label(box.kind, box.tensor);
      match.missing.insert(name);
      if (!is_allowed(options, box.tensor)) match.problem = base::str("the checkpoint has no ", name, kHint);
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

void find_unexpected(TensorMatch& match, const BoxTable& table, const LoadOptions& options,
                     std::vector<std::string>& unexpected) {
  if (options.part) return;
  std::vector<std::string> refused;
  for (std::size_t t = 0; t < table.tensors.size(); ++t) {
    const auto& tensor = table.tensors[t];
    if (match.seen[t] != 0 || !is_chosen(options, tensor.kind)) continue;
    (is_allowed(options, tensor.name) ? unexpected : refused).push_back(label(tensor.kind, tensor.name));
  }
  if (match.problem.empty() && !refused.empty()) {
    match.problem = base::str("the model has no place for ", join(refused), kHint);
  }
}

std::vector<std::string> find_unknown(const TensorMatch& match, const BoxTable& table, const LoadOptions& options) {
  std::vector<std::string> unknown;
  for (const auto& word : options.allow) {
    const std::string name = word.starts_with(kGrow) ? word.substr(std::string_view(kGrow).size()) : word;
    const bool known = std::ranges::any_of(options.kinds, [&](Kind kind) {
      return table.find(kind, name) >= 0 || match.missing.contains(label(kind, name));
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
  put_names(out, match.grown);
  return out.take();
}

TensorMatch decode_match(const std::string& bytes) {
  Decoder in(bytes);
  TensorMatch match;
  match.problem = in.get_text();
  match.seen = in.get_text();
  get_names(in, match.missing);
  get_names(in, match.grown);
  return match;
}

Box stored_part(const TableTensor& stored, const WantedBox& wanted) {
  const auto part = topology::intersect(topology::whole(stored.shape), wanted.box);
  return part ? *part : Box{wanted.box.offset, Shape(wanted.box.size.size(), 0)};
}

}  // namespace trireme::checkpoint
