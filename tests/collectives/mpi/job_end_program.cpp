// A small job that ends in the way its first argument names. tests/collectives/mpi/job_end_test.py judges what a user
// sees of it.
#include <unistd.h>

#include <csignal>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "collectives/mpi/watchdog.hpp"
#include "collectives/mpi/world.hpp"

namespace {

using namespace trireme;
using collectives::DataType;
using collectives::MpiWorld;
using collectives::Watchdog;

constexpr std::size_t kCount = 50000;

void reduce(collectives::Communicator& group) {
  std::vector<float> data(kCount, 1.0F);
  group.all_reduce(data.data(), data.size(), DataType::kFloat32);
}

[[noreturn]] void compute_forever() {
  while (true) pause();
}

/// Three good steps, then step 3, in which `action` of the last rank replaces one all-reduce of group tp.
int train(MpiWorld& world, const std::function<void(collectives::Communicator& tp)>& action, double limit_seconds) {
  auto all = world.communicator("world");
  auto tp = all->split(0, world.rank(), "tp");
  Watchdog watchdog(world, {.answer_seconds = 1, .poll_seconds = 0.05});
  watchdog.phase(Watchdog::Phase::kStep, limit_seconds);
  for (int step = 0; step < 4; ++step) {
    watchdog.beat(step);
    reduce(*tp);
    if (step == 3 && world.rank() == world.size() - 1) action(*tp);
    reduce(*tp);
  }
  watchdog.phase(Watchdog::Phase::kNone, 0);
  tp->finish();
  all->finish();
  return 0;
}

int end(MpiWorld& world, const std::string& how) {
  constexpr double kHangSeconds = 1.5;
  constexpr double kNoLimit = 0;
  const auto fail = [&] { throw base::Error(base::str("the disk of rank ", world.rank(), " is full")); };
  const std::map<std::string, std::function<int()>> ends = {
      {"well",
       [&] {
         return train(
             world, [](auto&) {}, kHangSeconds);
       }},
      {"stopped_on_request",
       [&] {
         return train(
                    world, [](auto&) {}, kHangSeconds),
                75;
       }},
      {"missing",
       [&] {
         return train(
             world, [](auto&) { compute_forever(); }, kHangSeconds);
       }},
      {"frozen",
       [&] {
         return train(
             world, [](auto&) { std::raise(SIGSTOP); }, kHangSeconds);
       }},
      {"different",
       [&] {
         return train(
             world, [](auto& tp) { tp.barrier(), compute_forever(); }, kHangSeconds);
       }},
      {"mixed_up",
       [&] {
         return train(
             world,
             [&](auto& tp) {
               std::vector<char> gathered(static_cast<std::size_t>(world.size()) * kCount);
               tp.broadcast(gathered.data(), 1, DataType::kUInt8, 0);
               compute_forever();
             },
             kHangSeconds);
       }},
      {"error_on_one",
       [&] {
         return train(
             world, [&](auto&) { fail(); }, kNoLimit);
       }},
      {"error_on_all", [&] { return fail(), 0; }},
      {"error_on_all_later",
       [&]() -> int {
         auto all = world.communicator("world");
         auto tp = all->split(0, world.rank(), "tp");
         reduce(*tp);
         std::vector<float> data(kCount);
         auto pending = all->start_all_reduce(data.data(), kCount, DataType::kFloat32, collectives::ReduceOp::kSum);
         throw base::Error("the loss is not finite in step 7");
       }},
      {"same_input_error_on_all", [&]() -> int { throw base::InputError("no dataset at nowhere.h5"); }},
      {"killed",
       [&] {
         return train(
             world, [](auto&) { std::raise(SIGKILL); }, kNoLimit);
       }},
      {"rank_zero_frozen",
       [&]() -> int {
         auto tp = world.communicator("tp");
         Watchdog watchdog(world, {.answer_seconds = 1, .poll_seconds = 0.05});
         watchdog.phase(Watchdog::Phase::kStart, kHangSeconds);
         if (world.rank() == 0) std::raise(SIGSTOP);
         reduce(*tp);
         return 0;
       }},
  };
  return ends.at(how)();
}

}  // namespace

int main(int, char** argv) {
  MpiWorld world;
  return collectives::run_guarded(world, [&] { return end(world, argv[1]); });
}
