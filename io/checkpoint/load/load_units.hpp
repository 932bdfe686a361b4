// The unit of reading is one checksum block of one stored box: which units a rank needs, and how the elements of a
// unit meet the boxes that someone wants. Pure. Private to io/checkpoint.
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
  std::uint32_t block;  ///< of that box

  auto operator<=>(const Unit&) const = default;
};

/// Elements [first, first + count) of a stored box, in row-major order.
struct Slice {
  std::int64_t first;
  std::int64_t count;
};

Slice slice_of(const BoxTable& table, Unit unit);
std::size_t bytes_of(const BoxTable& table, Unit unit);

/// Where a whole unit lies in the memory of a wanted box of its tensor, when it lies there in one piece and needs no
/// conversion; else null.
char* direct_destination(const BoxTable& table, Unit unit, const WantedBox& wanted);

/// Boxes that one rank wants from a unit, all of the unit's tensor.
using Boxes = std::vector<Box>;

/// Calls `visit` for every common part of the slice and each wanted box, in an order that depends only on the
/// arguments, so that a sender packs what the receiver unpacks. `run` is the piece of the slice that holds the part:
/// a box whose elements lie one after another from `run_first` on (an element of the stored box).
using Visit = std::function<void(const Box& part, std::size_t wanted, const Box& run, std::int64_t run_first)>;
void for_each_part(const Box& stored, Slice slice, const Boxes& wanted, const Visit& visit);

/// Total elements of all those parts.
std::int64_t elements_of_parts(const Box& stored, Slice slice, const Boxes& wanted);

/// One rank's wish for one unit.
struct Request {
  int rank;
  Boxes boxes;
};

/// A unit that this rank reads, and who gets what of it.
struct Assignment {
  Unit unit;
  std::vector<Request> requests;
};

/// Who can read.
struct Readers {
  int ranks;
  /// Of each file, the ranks that see it, ascending and at least one; empty: all see all.
  const std::vector<std::vector<int>>& of_files;
};

/// Picks a reader for each unit among those who want it, so that bytes are spread; when none of them sees the file,
/// among those who do. Returns the assignments of each rank. `first` (any number) breaks ties differently on different
/// callers.
std::vector<std::vector<Assignment>> assign_readers(const BoxTable& table, std::map<Unit, std::vector<Request>> wishes,
                                                    const Readers& readers, int first);

std::string encode_wishes(const std::vector<std::pair<Unit, Boxes>>& wishes);
std::vector<std::pair<Unit, Boxes>> decode_wishes(const std::string& bytes);
std::string encode_assignments(const std::vector<Assignment>& assignments);
std::vector<Assignment> decode_assignments(const std::string& bytes);

}  // namespace trireme::checkpoint
