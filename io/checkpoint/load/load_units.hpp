// Units of reading. A unit is one checksum block of one stored box. These functions find which units a rank needs and
// how the elements of a unit map to wanted boxes. Pure. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/checkpoint/format/box_table.hpp"

namespace trireme::checkpoint {

struct Unit {
  std::uint32_t box;    ///< index into BoxTable::boxes
  std::uint32_t block;  ///< number of the block in that box

  auto operator<=>(const Unit&) const = default;
};

/// Elements [first, first + count) of a stored box, in row-major order.
struct Slice {
  std::int64_t first;
  std::int64_t count;
};

Slice slice_of(const BoxTable& table, Unit unit);
std::size_t bytes_of(const BoxTable& table, Unit unit);

/// The place of the whole unit in the memory of a wanted box of the same tensor, if it lies there in one piece and
/// needs no conversion; otherwise null.
char* direct_destination(const BoxTable& table, Unit unit, const WantedBox& wanted);

/// The boxes that one rank wants from a unit, all of the unit's tensor.
using Boxes = std::vector<Box>;

/// Calls `visit` for every common part of the slice and a wanted box. The order depends only on the arguments, so a
/// receiver unpacks what a sender packed. `run` is the piece of the slice that contains the part: a box whose elements
/// lie one after another, beginning at element `run_first` of the stored box.
using Visit = std::function<void(const Box& part, std::size_t wanted, const Box& run, std::int64_t run_first)>;
void for_each_part(const Box& stored, Slice slice, const Boxes& wanted, const Visit& visit);

/// The total number of elements of those parts.
std::int64_t elements_of_parts(const Box& stored, Slice slice, const Boxes& wanted);

/// What one rank wants from one unit.
struct Request {
  int rank;
  Boxes boxes;
};

/// A unit that this rank reads, and which ranks get which boxes of it.
struct Assignment {
  Unit unit;
  std::vector<Request> requests;
};

/// The ranks that can read each file.
struct Readers {
  int ranks;
  /// For each file the ranks that see it, ascending, at least one; empty: all ranks see all files.
  const std::vector<std::vector<int>>& of_files;
};

/// Picks a reader for each unit among the ranks that want it and see its file, so that bytes are spread evenly; when
/// none of them sees the file, among those that see it. Returns the assignments of each rank. `first` is the rank
/// preferred among equals; callers on different ranks give different ones.
std::vector<std::vector<Assignment>> assign_readers(const BoxTable& table, std::map<Unit, std::vector<Request>> wishes,
                                                    const Readers& readers, int first);

std::string encode_wishes(const std::vector<std::pair<Unit, Boxes>>& wishes);
std::vector<std::pair<Unit, Boxes>> decode_wishes(const std::string& bytes);
std::string encode_assignments(const std::vector<Assignment>& assignments);
std::vector<Assignment> decode_assignments(const std::string& bytes);

}  // namespace trireme::checkpoint
