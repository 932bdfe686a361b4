#include "io/checkpoint/save/save_messages.hpp"

#include <algorithm>
#include <map>

#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {
namespace {

void put_tensor(Encoder& out, const std::string& slot, const std::string& name, const Shape& shape, DataType dtype) {
  out.put(static_cast<std::uint8_t>(dtype));
  out.put_text(slot);
  out.put_text(name);
  out.put_shape(shape);
}

PlannedTensor get_tensor(Decoder& in) {
  PlannedTensor tensor{};
  tensor.dtype = static_cast<DataType>(in.get<std::uint8_t>());
  tensor.slot = in.get_text();
  tensor.name = in.get_text();
  tensor.shape = in.get_shape();
  return tensor;
}

void put_pieces(Encoder& out, const std::vector<Piece>& pieces) {
  out.put<std::uint64_t>(pieces.size());
  for (const auto& piece : pieces) {
    out.put(piece.tensor);
    out.put(piece.declared);
    out.put(piece.memory_offset);
    out.put_box(piece.box);
  }
}

std::vector<Piece> get_pieces(Decoder& in) {
  std::vector<Piece> pieces(in.get<std::uint64_t>());
  for (auto& piece : pieces) {
    piece.tensor = in.get<std::uint32_t>();
    piece.declared = in.get<std::uint32_t>();
    piece.memory_offset = in.get<std::uint64_t>();
    piece.box = in.get_box();
  }
  return pieces;
}

template <typename T>
void put_numbers(Encoder& out, std::span<const T> values) {
  out.put<std::uint64_t>(values.size());
  out.put_raw(values.data(), values.size_bytes());
}

template <typename T>
std::vector<T> get_numbers(Decoder& in) {
  std::vector<T> values(in.get<std::uint64_t>());
  const auto raw = in.get_raw(values.size() * sizeof(T));
  if (!raw.empty()) std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

}  // namespace

std::string encode_declared(int node, std::span<const StoredBox> boxes) {
  Encoder out;
  out.put(static_cast<std::int32_t>(node));
  out.put<std::uint64_t>(boxes.size());
  for (const auto& box : boxes) {
    put_tensor(out, box.slot, box.tensor, box.shape, box.dtype);
    out.put_shape(box.box.offset);
    out.put_shape(box.box.size);
  }
  return out.take();
}

std::vector<DeclaredBox> decode_declared(const std::string& bytes, int* node) {
  Decoder in(bytes);
  *node = in.get<std::int32_t>();
  std::vector<DeclaredBox> boxes(in.get<std::uint64_t>());
  for (auto& box : boxes) {
    PlannedTensor tensor = get_tensor(in);
    Shape offset = in.get_shape();
    Shape size = in.get_shape();
    box = {std::move(tensor.slot),
           std::move(tensor.name),
           std::move(tensor.shape),
           tensor.dtype,
           {std::move(offset), std::move(size)}};
  }
  return boxes;
}

std::string encode_tensors(const std::vector<PlannedTensor>& tensors) {
  Encoder out;
  out.put<std::uint64_t>(tensors.size());
  for (const auto& tensor : tensors) put_tensor(out, tensor.slot, tensor.name, tensor.shape, tensor.dtype);
  return out.take();
}

std::vector<PlannedTensor> decode_tensors(const std::string& bytes) {
  Decoder in(bytes);
  std::vector<PlannedTensor> tensors(in.get<std::uint64_t>());
  for (auto& tensor : tensors) tensor = get_tensor(in);
  return tensors;
}

std::vector<std::string> encode_tasks(const SavePlan& plan) {
  std::map<std::string, int> first_of_node;  // node directory -> the lowest rank that writes there
  const auto node_of = [](const std::string& file) { return file.substr(0, file.find('/')); };
  for (const auto& file : plan.files) {
    const auto [it, fresh] = first_of_node.emplace(node_of(file.name), file.leader);
    if (!fresh) it->second = std::min(it->second, file.leader);
  }
  std::vector<std::string> tasks;
  for (int rank = 0; rank < static_cast<int>(plan.pieces.size()); ++rank) {
    Encoder out;
    const int index = plan.file_of_rank[rank];
    const PlannedFile* file = index < 0 ? nullptr : &plan.files[index];
    out.put_text(file != nullptr ? file->name : "");
    out.put<std::uint8_t>(file != nullptr && first_of_node.at(node_of(file->name)) == rank);
    put_pieces(out, plan.pieces[rank]);
    const std::vector<int> led = file != nullptr && file->leader == rank ? file->ranks : std::vector<int>();
    put_numbers<int>(out, led);
    for (const int other : led) put_pieces(out, plan.pieces[other]);
    tasks.push_back(out.take());
  }
  return tasks;
}

Task decode_task(const std::string& bytes) {
  Decoder in(bytes);
  Task task;
  task.file = in.get_text();
  task.makes_node_directory = in.get<std::uint8_t>() != 0;
  task.pieces = get_pieces(in);
  task.ranks = get_numbers<int>(in);
  for (std::size_t i = 0; i < task.ranks.size(); ++i) task.pieces_of_ranks.push_back(get_pieces(in));
  return task;
}

std::string encode_offsets(std::span<const std::uint64_t> offsets) {
  Encoder out;
  put_numbers(out, offsets);
  return out.take();
}

std::vector<std::uint64_t> decode_offsets(const std::string& bytes) {
  Decoder in(bytes);
  return get_numbers<std::uint64_t>(in);
}

std::string encode_report(const Report& report) {
  Encoder out;
  out.put(report.file_bytes);
  out.put(report.metadata_crc32c);
  put_numbers<std::uint64_t>(out, report.offsets);
  for (const auto& crc32c : report.crc32c) put_numbers<std::uint32_t>(out, crc32c);
  return out.take();
}

Report decode_report(const std::string& bytes) {
  Decoder in(bytes);
  Report report;
  report.file_bytes = in.get<std::uint64_t>();
  report.metadata_crc32c = in.get<std::uint32_t>();
  report.offsets = get_numbers<std::uint64_t>(in);
  for (std::size_t i = 0; i < report.offsets.size(); ++i) report.crc32c.push_back(get_numbers<std::uint32_t>(in));
  return report;
}

}  // namespace trireme::checkpoint
