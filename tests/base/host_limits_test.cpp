#include "base/host_limits.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace trireme::base {
namespace {

class Machine {
 public:
  Machine() { put("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\nMemAvailable: 8192000 kB\n"); }
  void put(const std::string& path, const std::string& text) {
    files_.create_directories((root_.path() / path).parent_path());
    const auto file = files_.open(root_.path() / path, OpenMode::kCreate);
    file->pwrite(text.data(), text.size(), 0);
  }
  HostLimits limits() { return read_host_limits(files_, root_.path()); }

 private:
  tests::TemporaryDirectory root_;
  PosixFileSystem files_;
};

TEST(HostLimits, WithoutAControlGroupTheMachineHasItAll) {
  Machine machine;
  EXPECT_EQ(machine.limits().memory_bytes, 16384000ull * 1024);
  EXPECT_EQ(machine.limits().cpus, 0);
}

TEST(HostLimits, VersionTwoTakesTheSmallestLimitOnTheWayUp) {
  Machine machine;
  machine.put("proc/self/cgroup", "0::/system.slice/job_7/step_0\n");
  machine.put("sys/fs/cgroup/system.slice/job_7/step_0/memory.max", "max\n");
  machine.put("sys/fs/cgroup/system.slice/job_7/memory.max", "4294967296\n");
  machine.put("sys/fs/cgroup/system.slice/job_7/cpu.max", "250000 100000\n");
  machine.put("sys/fs/cgroup/system.slice/memory.max", "8589934592\n");
  machine.put("sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(machine.limits().memory_bytes, 4294967296ull);
  EXPECT_EQ(machine.limits().cpus, 2.5);
}

TEST(HostLimits, WhatAGroupUsesIsNotFreeButItsPageCacheIs) {
  Machine machine;
  EXPECT_EQ(machine.limits().memory_free_bytes, 8192000ull * 1024);
  machine.put("proc/self/cgroup", "0::/job\n");
  machine.put("sys/fs/cgroup/job/memory.max", "4000000000\n");
  machine.put("sys/fs/cgroup/job/memory.current", "3000000000\n");
  machine.put("sys/fs/cgroup/job/memory.stat", "anon 1000000000\nfile 2000000000\n");
  EXPECT_EQ(machine.limits().memory_free_bytes, 3000000000ull);
  machine.put("proc/self/cgroup", "4:memory:/job\n");
  machine.put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4000000000\n");
  machine.put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "3500000000\n");
  machine.put("sys/fs/cgroup/memory/job/memory.stat", "total_cache 500000000\n");
  EXPECT_EQ(machine.limits().memory_free_bytes, 1000000000ull);
}

TEST(HostLimits, VersionOneHasAHierarchyPerController) {
  Machine machine;
  machine.put("proc/self/cgroup", "4:memory:/slurm/job_7\n1:cpu,cpuacct:/slurm\n");
  machine.put("sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "1073741824\n");
  machine.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_quota_us", "400000\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_period_us", "100000\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  machine.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(machine.limits().memory_bytes, 1073741824ull);
  EXPECT_EQ(machine.limits().cpus, 4);
}

TEST(HostLimits, InAContainerTheMountsRootIsAsked) {
  Machine machine;
  machine.put("proc/self/cgroup", "0::/not/mounted/here\nodd line\n");
  machine.put("sys/fs/cgroup/memory.max", "2147483648\n");
  EXPECT_EQ(machine.limits().memory_bytes, 2147483648ull);
}

}  // namespace
}  // namespace trireme::base
