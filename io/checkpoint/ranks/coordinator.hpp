// How the ranks agree while they save and load. io never communicates by itself: the launcher implements this interface
// over a Communicator, tests implement it over threads, and SingleProcess serves single processes.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace trireme::checkpoint {

/// A group of ranks on nodes. All ranks call the same functions in the same order. Byte strings may hold anything and
/// have any length. A failure to communicate is an exception that ends the job.
class Coordinator {
 public:
  Coordinator() = default;
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  virtual ~Coordinator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Index of this rank's node, in [0, nodes()).
  virtual int node() const = 0;
  virtual int nodes() const = 0;

  /// Returns "" when every rank is ok; otherwise, on every rank, "rank <r>: <message>" of the lowest rank that is not.
  virtual std::string all_ok(bool ok, const std::string& message) = 0;
  /// Returns rank `root`'s bytes on every rank.
  virtual std::string broadcast_from(int root, std::string bytes) = 0;
  std::string broadcast(std::string bytes) { return broadcast_from(0, std::move(bytes)); }
  /// Returns every rank's bytes, in rank order, on rank 0; elsewhere an empty list.
  virtual std::vector<std::string> gather(std::string bytes) = 0;
  /// Returns every rank's bytes, in rank order, on every rank.
  virtual std::vector<std::string> all_gather(std::string bytes) = 0;
  /// Sends `to_each[r]` to rank r and returns what came from each rank, this one included. Lengths may differ.
  virtual std::vector<std::string> exchange(std::vector<std::string> to_each) = 0;
  virtual void barrier() = 0;

  /// May be called by any thread: makes every call that waits in this object for other ranks throw, now and later. For
  /// a rank that ends without its peers.
  virtual void give_up() {}
};

/// A group of one rank.
class SingleProcess final : public Coordinator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int node() const override { return 0; }
  int nodes() const override { return 1; }
  std::string all_ok(bool ok, const std::string& message) override { return ok ? "" : message; }
  std::string broadcast_from(int, std::string bytes) override { return bytes; }
  std::vector<std::string> gather(std::string bytes) override { return {std::move(bytes)}; }
  std::vector<std::string> all_gather(std::string bytes) override { return {std::move(bytes)}; }
  std::vector<std::string> exchange(std::vector<std::string> to_each) override { return to_each; }
  void barrier() override {}
};

}  // namespace trireme::checkpoint
