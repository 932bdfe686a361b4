// Every fault at every call of an action on a file system.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tests/support/fault_cases.hpp"
#include "tests/support/memory_file_system.hpp"

namespace trireme::checkpoint::tests {

using trireme::tests::AfterCrash;
using trireme::tests::IoCall;
using trireme::tests::IoFault;
using trireme::tests::MemoryFileSystem;

struct NamedFault {
  std::string name;
  IoFault fault;
  AfterCrash after = AfterCrash::kKeepAll;  ///< of a crash
  unsigned seed = 0;                        ///< of what kRandom keeps
  IoCall call = IoCall::kLook;              ///< that it falls on

  bool is_crash() const { return fault.kind == IoFault::Kind::kCrash; }
  /// The disk is well again right after it.
  bool passes() const {
    return !is_crash() && fault.kind != IoFault::Kind::kFullFrom && fault.kind != IoFault::Kind::kDeadFrom;
  }
};

/// What can go wrong at such a call.
inline std::vector<NamedFault> faults_of(IoCall call, unsigned random_crashes) {
  using Kind = IoFault::Kind;
  std::vector<NamedFault> faults = {{"ENOSPC", {Kind::kFails, ENOSPC}},
                                    {"EDQUOT", {Kind::kFails, EDQUOT}},
                                    {"EIO", {Kind::kFails, EIO}},
                                    {"EINTR", {Kind::kFails, EINTR}},
                                    {"full from here on", {Kind::kFullFrom, ENOSPC}},
                                    {"dead from here on", {Kind::kDeadFrom, EIO}},
                                    {"crash, unsynced lost", {Kind::kCrash, EIO}, AfterCrash::kLoseUnsynced},
                                    {"crash, all kept", {Kind::kCrash, EIO}, AfterCrash::kKeepAll}};
  for (unsigned seed = 1; seed <= random_crashes; ++seed) {
    faults.push_back({base::str("crash, random part ", seed, " kept"), {Kind::kCrash, EIO}, AfterCrash::kRandom, seed});
  }
  const auto add = [&](const char* name, Kind kind, int code) { faults.push_back({name, {kind, code}}); };
  switch (call) {
    case IoCall::kWrite:
      add("short write", Kind::kHalfWritten, ENOSPC);
      add("lost in write-back", Kind::kLostLater, EIO);
      break;
    case IoCall::kSync: add("fsync drops the pages", Kind::kPagesDropped, EIO); break;
    case IoCall::kCreate:
    case IoCall::kMkdir:
    case IoCall::kRename:
    case IoCall::kRemove: add("done, but reported as failed", Kind::kDoneButFails, EIO); break;
    case IoCall::kSyncDirectory:
    case IoCall::kAllocate:
    case IoCall::kTruncate:
    case IoCall::kLook:
    case IoCall::kList:
    case IoCall::kOpen:
    case IoCall::kRead:
    case IoCall::kClose: break;
  }
  for (auto& fault : faults) fault.call = call;
  return faults;
}

/// An action, and what must hold after any fault in it.
struct Sweep {
  std::string name;
  std::function<void(MemoryFileSystem&)> prepare;
  /// True: it reported success. May throw base::Error, which counts as reported failure.
  std::function<bool(MemoryFileSystem&)> act;
  /// When the disk is well again, or the machine has started again.
  std::function<void(MemoryFileSystem&, bool reported_good, const NamedFault&)> check;
  std::size_t least_calls = 1;  ///< fewer, and the sweep is not what it was meant to be
  std::size_t first_call = 1;   ///< those before it belong to another sweep
  bool exact = true;            ///< the calls come in the same order every time
  unsigned random_crashes = 1;  ///< how many random parts to keep at each call
};

inline bool reports_good(const Sweep& sweep, MemoryFileSystem& files) {
  try {
    return sweep.act(files);
  } catch (const base::Error&) {
    return false;
  }
}

/// The random parts that crashes keep depend on --gtest_random_seed.
inline void run_sweep(const Sweep& sweep) {
  MemoryFileSystem prepared;
  sweep.prepare(prepared);
  MemoryFileSystem undisturbed(prepared);
  ASSERT_TRUE(reports_good(sweep, undisturbed)) << sweep.name;
  const std::vector<IoCall> calls = undisturbed.calls();
  EXPECT_GE(calls.size(), sweep.least_calls) << sweep.name;
  for (std::size_t n = sweep.first_call; n <= calls.size(); ++n) {
    for (const NamedFault& fault : faults_of(calls[n - 1], sweep.random_crashes)) {
      const std::string name = base::str(sweep.name, ", call ", n, ": ", fault.name);
      SCOPED_TRACE(name);
      MemoryFileSystem files(prepared);
      files.fail_at(static_cast<long>(n), fault.fault);
      const bool good = reports_good(sweep, files);
      if (!files.has_failed()) {
        // Only a disk that is full may go unnoticed, when nothing from here on takes space.
        EXPECT_TRUE(fault.fault.kind == IoFault::Kind::kFullFrom || !sweep.exact) << "calls in another order";
        continue;
      }
      if (fault.is_crash()) {
        const auto round = static_cast<unsigned>(GTEST_FLAG_GET(random_seed));
        files.restart(fault.after, static_cast<unsigned>(n) + 1000 * fault.seed + 10000 * round);
      } else {
        files.heal();
      }
      sweep.check(files, good, fault);
      trireme::tests::count_case(name);
      if (testing::Test::HasFailure()) return;  // one is enough to read
    }
  }
}

}  // namespace trireme::checkpoint::tests
