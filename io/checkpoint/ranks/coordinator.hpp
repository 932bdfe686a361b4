// How the ranks agree while they save and load. io never communicates by itself: the launcher implements this over
// a Communicator, tests over threads, single processes with SingleProcess.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace trireme::checkpoint {

/// A group of ranks on nodes. All ranks call the same functions in the same order. Byte strings may hold anything
/// and be of any length. Failures to communicate are exceptions that end the job.
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

  /// "" when every rank is ok; else the same text everywhere: "rank <r>: <message>" of the lowest rank that is not.
  virtual std::string all_ok(bool ok, const std::string& message) = 0;
  /// Rank `root`'s bytes.
  virtual std::string broadcast_from(int root, std::string bytes) = 0;
  std::string broadcast(std::string bytes) { return broadcast_from(0, std::move(bytes)); }
  /// At rank 0 every rank's bytes, in order; elsewhere empty.
  virtual std::vector<std::string> gather(std::string bytes) = 0;
  /// Every rank's bytes, in order, everywhere.
  virtual std::vector<std::string> all_gather(std::string bytes) = 0;
  /// `to_each[r]` goes to rank r; returns what came from each rank. Own bytes included. Counts may differ.
  virtual std::vector<std::string> exchange(std::vector<std::string> to_each) = 0;
  virtual void barrier() = 0;

  /// From any thread: whoever waits in here for other ranks, now or later, throws. For a rank that ends without its
  /// peers.
  virtual void give_up() {}
};

/// One rank.
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
