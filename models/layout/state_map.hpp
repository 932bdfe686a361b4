// Which group each parameter belongs to.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "models/layout/parameter_group.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::layout {

/// Assigns each logical tensor to the first group that has a pattern which matches its name. The default group takes
/// the rest; it comes last.
class StateMap {
 public:
  /// Everything is in the default group.
  StateMap();
  /// `groups`: in the order in which they are asked, without the default group. `tensors`: all of the model. Throws
  /// base::InputError in one sentence that names group.NAME.match for a group without patterns, a pattern that matches
  /// nothing (with the nearest names), a group whose tensors are all taken by earlier ones; and group.NAME.frozen when
  /// a group freezes a part of a block (spec::LogicalTensor::block), or all groups freeze everything.
  StateMap(std::vector<ParameterGroup> groups, const std::vector<spec::LogicalTensor>& tensors);

  const std::vector<ParameterGroup>& groups() const { return groups_; }
  std::size_t group_of(const std::string& tensor) const;
  bool trainable(const std::string& tensor) const { return groups_[group_of(tensor)].trainable; }

 private:
  void assign(const std::vector<spec::LogicalTensor>& tensors);
  void check_blocks(const std::vector<spec::LogicalTensor>& tensors) const;

  std::vector<ParameterGroup> groups_;
  std::map<std::string, std::size_t> taken_;  ///< tensors that are not in the default group
};

}  // namespace trireme::layout
