// Compares the tensors that a load wants with those that a checkpoint has, and decides whether the differences are
// allowed. Pure. Private to io/checkpoint.
#pragma once

#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/load/load_options.hpp"

namespace trireme::checkpoint {

using TensorName = std::pair<std::string, std::string>;  ///< slot and name
using TensorNames = std::set<TensorName, TensorOrder>;

/// The result of the comparison on one rank, or on several ranks merged.
struct TensorMatch {
  std::string problem;          ///< a tensor that cannot be loaded as it is stored; "" = none
  std::string seen;             ///< for each tensor of the table: 1 when somebody wants it, else 0
  TensorNames missing;          ///< wanted and not in the table
  std::set<std::string> grown;  ///< as in LoadResult
};

TensorMatch match_tensors(const BoxTable& table, std::span<const WantedBox> wanted, const LoadOptions& options);

/// Merges the result of another rank into `match`; the first problem stays.
void merge(TensorMatch& match, const TensorMatch& other);

/// Call it with all ranks merged: lists what is missing and what nobody wants in the result, and makes it the problem
/// when it is not allowed: of parameters first, else one sentence about all other slots.
void find_differences(TensorMatch& match, const BoxTable& table, const LoadOptions& options, LoadResult& result);

/// Call it with all ranks merged: returns the words of options.allow that name no tensor and no slot on
/// either side.
std::vector<std::string> find_unknown(const TensorMatch& match, const BoxTable& table, const LoadOptions& options);

std::string encode_match(const TensorMatch& match);
TensorMatch decode_match(const std::string& bytes);

/// The part of a wanted box that the stored tensor has: all of it unless the tensor grew; empty when all its rows are
/// new.
Box stored_part(const TableTensor& stored, const WantedBox& wanted);

}  // namespace trireme::checkpoint
