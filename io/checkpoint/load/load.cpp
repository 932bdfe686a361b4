#include "io/checkpoint/load/load.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>

#include "base/bfloat16.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/shard_metadata.hpp"
#include "io/checkpoint/format/wire.hpp"
#include "io/checkpoint/load/tensor_agreement.hpp"
#include "io/checkpoint/load/tensor_match.hpp"

namespace trireme::checkpoint {
namespace {

template <typename From>
void convert(const void* from, DataType type, void* to, std::int64_t count) {
  const auto* source = static_cast<const From*>(from);
  if (type == DataType::kFloat64) {
    std::copy_n(source, count, static_cast<double*>(to));
  } else if (type == DataType::kFloat32) {
    std::transform(source, source + count, static_cast<float*>(to), [](From x) { return static_cast<float>(x); });
  } else {
    std::transform(source, source + count, static_cast<std::uint16_t*>(to),
                   [](From x) { return base::bfloat16_bits(static_cast<float>(x)); });
  }
}

}  // namespace

Load::Load(Coordinator& coordinator, base::FileSystem& files, const std::filesystem::path& path, const OpenTables& open,
           std::span<const WantedBox> wanted, const LoadOptions& options)
    : coordinator_(coordinator),
      files_(files),
      path_(path),
      manifest_(open.manifest),
      table_(open.table),
      where_(open.where),
      wanted_(wanted),
      options_(options) {}

LoadResult Load::run() {
  const auto start = std::chrono::steady_clock::now();
  agree_on_tensors();
  find_units();
  find_readers();
  run_rounds();
  check_shards();
  agree_on_damage();
  result_.seconds = base::seconds_since(start);
  return std::move(result_);
}

void Load::agree_on_tensors() {
  result_ = checkpoint::agree_on_tensors(coordinator_, table_, wanted_, options_, "checkpoint " + path_.string());
}

void Load::find_units() {
  std::string problem;
  for (std::uint32_t w = 0; w < wanted_.size(); ++w) {
    const WantedBox& wanted = wanted_[w];
    const auto index =
        wanted.box.empty() || !options_.considers(wanted.slot) ? -1 : table_.find(wanted.slot, wanted.tensor);
    if (index < 0) continue;
    const TableTensor& tensor = table_.tensors[index];
    std::int64_t covered = 0;
    for (std::size_t b = tensor.first_box; b < tensor.first_box + tensor.box_count; ++b) {
      const TableBox& stored = table_.boxes[b];
      if (!topology::intersect(stored.box, wanted.box)) continue;
      for (std::uint32_t block = 0; block < stored.crc32c.size(); ++block) {
        const Unit unit{static_cast<std::uint32_t>(b), block};
        const std::int64_t elements = elements_of_parts(stored.box, slice_of(table_, unit), {wanted.box});
        if (elements == 0) continue;
        covered += elements;
        units_[unit].push_back(w);
      }
    }
    const std::int64_t expected = stored_part(tensor, wanted).elements();
    if (covered != expected && problem.empty()) {
      problem = base::str(label(wanted.slot, wanted.tensor), " ", topology::to_string(wanted.box), ": ", covered,
                          " of ", expected, " elements are stored");
    }
  }
  const std::string agreed = coordinator_.all_ok(problem.empty(), problem);
  if (!agreed.empty()) throw DamagedCheckpoint(path_, kBoxesName, agreed);
}

void Load::find_readers() {
  const int size = coordinator_.size();
  std::vector<std::vector<std::pair<Unit, Boxes>>> wishes(static_cast<std::size_t>(size));
  for (const auto& [unit, indices] : units_) {
    Boxes boxes;
    for (const auto w : indices) boxes.push_back(wanted_[w].box);
    wishes[(unit.box + unit.block) % static_cast<std::uint32_t>(size)].emplace_back(unit, std::move(boxes));
  }
  std::vector<std::string> messages;
  for (const auto& list : wishes) messages.push_back(encode_wishes(list));
  const auto heard = coordinator_.exchange(std::move(messages));
  std::map<Unit, std::vector<Request>> requests;
  for (int rank = 0; rank < size; ++rank) {
    for (auto& [unit, boxes] : decode_wishes(heard[rank])) requests[unit].push_back({rank, std::move(boxes)});
  }
  std::vector<std::string> replies;
  for (const auto& list : assign_readers(table_, std::move(requests), {size, where_.shards}, coordinator_.rank())) {
    replies.push_back(encode_assignments(list));
  }
  for (const auto& bytes : coordinator_.exchange(std::move(replies))) {
    for (auto& assignment : decode_assignments(bytes)) assignments_.push_back(std::move(assignment));
  }
  std::ranges::sort(assignments_, {}, [&](const Assignment& assignment) {
    const TableBox& box = table_.boxes[assignment.unit.box];
    return std::tuple(box.file, box.offset, assignment.unit.block);
  });
  prepare_reading();
}

void Load::prepare_reading() {
  std::vector<UnitJob> jobs;
  for (const auto& assignment : assignments_) {
    UnitJob& job = jobs.emplace_back(UnitJob{assignment.unit, nullptr});
    direct_.push_back(nullptr);
    const auto wanting = units_.find(assignment.unit);
    if (wanting == units_.end()) continue;
    for (const auto w : wanting->second) {
      job.into = direct_destination(table_, assignment.unit, wanted_[w]);
      if (job.into == nullptr) continue;
      direct_.back() = &wanted_[w];
      break;
    }
  }
  reader_.emplace(files_, path_, manifest_, table_, std::move(jobs));
}

void Load::run_rounds() {
  const auto size = static_cast<std::size_t>(coordinator_.size());
  // All ranks may send to the same rank at once, so each may send it its equal part of what a rank receives in a round.
  const auto budget = static_cast<std::int64_t>(
      std::clamp<std::uint64_t>(options_.round_bytes / size, std::uint64_t{64} << 10, kBlockBytes));
  for (bool more = true; more;) {
    std::vector<std::string> messages(size, std::string(1, '\0'));  // first byte: 1 when the sender has more to send
    read_some(messages, budget);
    for (auto& message : messages) message[0] = next_ < assignments_.size() ? 1 : 0;
    more = false;
    for (const auto& message : coordinator_.exchange(std::move(messages))) {
      more = more || message[0] != 0;
      receive(message);
    }
  }
}

void Load::read_some(std::vector<std::string>& messages, std::int64_t budget) {
  while (next_ < assignments_.size() && budget > 0) {
    const Assignment& assignment = assignments_[next_];
    if (sent_ == 0 && !start_unit()) {
      next_ = assignments_.size();  // the ranks agree on the failure after the last round
      return;
    }
    const TableBox& box = table_.boxes[assignment.unit.box];
    const auto element = static_cast<std::int64_t>(size_of(table_.tensors[box.tensor].dtype));
    const Slice whole = slice_of(table_, assignment.unit);
    const std::int64_t count = std::min(whole.count - sent_, std::max<std::int64_t>(budget / element, 1));
    send_slice(assignment, {whole.first + sent_, count}, messages);
    sent_ += count;
    budget -= count * element;
    if (sent_ == whole.count) {
      sent_ = 0;
      ++next_;
    }
  }
}

bool Load::start_unit() {
  try {
    data_ = reader_->next();
    return true;
  } catch (const DamagedCheckpoint& damage) {
    failure_ = Failure{true, damage.subject(), damage.problem()};
  } catch (const std::exception& error) {
    failure_ = Failure{false, "", error.what()};
  }
  return false;
}

void Load::send_slice(const Assignment& assignment, Slice slice, std::vector<std::string>& messages) {
  const TableBox& box = table_.boxes[assignment.unit.box];
  const DataType stored = table_.tensors[box.tensor].dtype;
  const std::size_t element = size_of(stored);
  const std::int64_t block_first = slice_of(table_, assignment.unit).first;
  const auto data_of = [&](std::int64_t first) { return data_ + (first - block_first) * element; };
  for (const auto& request : assignment.requests) {
    if (request.rank == coordinator_.rank()) {
      const auto& indices = units_.at(assignment.unit);
      for_each_part(box.box, slice, request.boxes,
                    [&](const Box& part, std::size_t w, const Box& run, std::int64_t run_first) {
                      const WantedBox& wanted = wanted_[indices[w]];
                      if (&wanted != direct_[next_]) deliver(part, run, data_of(run_first), wanted, stored);
                    });
      continue;
    }
    auto& message = messages[request.rank];
    const std::size_t body = static_cast<std::size_t>(elements_of_parts(box.box, slice, request.boxes)) * element;
    if (body == 0) continue;
    Encoder header;
    header.put(assignment.unit.box);
    header.put(assignment.unit.block);
    header.put(slice.first);
    header.put(slice.count);
    const std::string head = header.take();
    message += head;
    std::size_t at = message.size();
    message.resize(at + body);
    for_each_part(box.box, slice, request.boxes,
                  [&](const Box& part, std::size_t, const Box& run, std::int64_t run_first) {
                    topology::copy_box(part, run, data_of(run_first), part, message.data() + at, element);
                    at += static_cast<std::size_t>(part.elements()) * element;
                  });
  }
}

void Load::receive(const std::string& message) {
  Decoder in(std::string_view(message).substr(1));
  while (!in.done()) {
    Unit unit{};
    unit.box = in.get<std::uint32_t>();
    unit.block = in.get<std::uint32_t>();
    Slice slice{};
    slice.first = in.get<std::int64_t>();
    slice.count = in.get<std::int64_t>();
    const TableBox& box = table_.boxes.at(unit.box);
    const DataType stored = table_.tensors[box.tensor].dtype;
    const auto& indices = units_.at(unit);
    Boxes boxes;
    for (const auto w : indices) boxes.push_back(wanted_[w].box);
    for_each_part(box.box, slice, boxes, [&](const Box& part, std::size_t w, const Box&, std::int64_t) {
      const auto bytes = in.get_raw(static_cast<std::size_t>(part.elements()) * size_of(stored));
      deliver(part, part, bytes.data(), wanted_[indices[w]], stored);
    });
  }
}

void Load::deliver(const Box& part, const Box& run, const void* data, const WantedBox& wanted, DataType stored) {
  if (wanted.dtype == stored) {
    topology::copy_box(part, run, data, wanted.box, wanted.data, size_of(stored));
    return;
  }
  const auto count = static_cast<std::size_t>(part.elements());
  std::vector<char> source(count * size_of(stored));
  std::vector<char> converted(count * size_of(wanted.dtype));
  topology::copy_box(part, run, data, part, source.data(), size_of(stored));
  if (stored == DataType::kFloat32) {
    convert<float>(source.data(), wanted.dtype, converted.data(), part.elements());
  } else {
    convert<double>(source.data(), wanted.dtype, converted.data(), part.elements());
  }
  topology::copy_box(part, part, converted.data(), wanted.box, wanted.data, size_of(wanted.dtype));
}

int Load::reader_of(std::uint32_t file) const {
  if (where_.shards.empty()) return static_cast<int>(file % static_cast<std::uint32_t>(coordinator_.size()));
  const auto& ranks = where_.shards[file];
  return ranks[file % ranks.size()];
}

void Load::check_shards() {
  for (std::uint32_t file = 0; file < manifest_.files.size() && !failure_; ++file) {
    if (reader_of(file) != coordinator_.rank()) continue;
    try {
      read_metadata(files_, path_, manifest_, table_, file,
                    [this](const char*, std::size_t length, std::uint64_t) { metadata_read_ += length; });
    } catch (const DamagedCheckpoint& damage) {
      failure_ = Failure{true, damage.subject(), damage.problem()};
    } catch (const std::exception& error) {
      failure_ = Failure{false, "", error.what()};
    }
  }
}

void Load::agree_on_damage() {
  Encoder mine;
  mine.put<std::uint64_t>(reader_->bytes_read() + metadata_read_);
  reader_.reset();
  mine.put<std::uint8_t>(failure_ ? (failure_->damage ? 1 : 2) : 0);
  mine.put_text(failure_ ? failure_->subject : "");
  mine.put_text(failure_ ? failure_->problem : "");
  std::uint64_t bytes_read = 0;
  std::string first(1, '\0');
  for (const auto& bytes : coordinator_.gather(mine.take())) {
    Decoder in(bytes);
    bytes_read += in.get<std::uint64_t>();
    std::string failure = bytes.substr(sizeof bytes_read);
    // Damage takes precedence over other failures, since it makes the run resume from an older checkpoint.
    if (failure[0] != 0 && (first[0] == 0 || (failure[0] == 1 && first[0] == 2))) first = std::move(failure);
  }
  Encoder all;
  all.put(bytes_read);
  const std::string agreed = coordinator_.broadcast(all.take() + first);
  Decoder in(agreed);
  result_.bytes_read = in.get<std::uint64_t>();
  const auto status = in.get<std::uint8_t>();
  if (status == 0) return;
  const std::string subject = in.get_text();
  const std::string problem = in.get_text();
  if (status == 1) throw DamagedCheckpoint(path_, subject, problem);
  throw base::Error(base::str("cannot load checkpoint ", path_.string(), ": ", problem));
}

}  // namespace trireme::checkpoint
