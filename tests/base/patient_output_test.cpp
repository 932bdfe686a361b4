#include "base/patient_output.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

namespace trireme::base {
namespace {

constexpr int kLines = 20000;  // far more than a pipe holds, less than is kept

std::string line(int i) { return "line " + std::to_string(i) + "\n"; }

std::string all_lines() {
  std::string text;
  for (int i = 0; i < kLines; ++i) text += line(i);
  return text;
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = ::read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

TEST(PatientOutput, DoesNotWaitForTheReaderAndLosesNothing) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::string read;
  std::thread reader;
  {
    PatientOutput output(ends[1]);
    for (int i = 0; i < kLines; ++i) output.write(line(i));  // nobody reads: a write that waited would hang here
    reader = std::thread([&] { read = read_all(ends[0]); });
  }
  ::close(ends[1]);
  reader.join();
  EXPECT_EQ(read, all_lines());
  ::close(ends[0]);
}

TEST(PatientOutput, LeavesTheDescriptorBlockingForOthers) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  { PatientOutput(ends[1]).write("text"); }
  EXPECT_EQ(::fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(PatientOutput, DoesNotWaitForTheReaderOfAPseudoTerminal) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_TRUE(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0);
  const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  ASSERT_GE(slave, 0);
  PatientOutput output(slave);
  for (int i = 0; i < kLines; ++i) output.write(line(i));
  ::close(master);  // what mpirun held: nothing waits for it any more
  ::close(slave);
}

TEST(PatientOutput, WritesAnOrdinaryFileInOrder) {
  std::FILE* file = std::tmpfile();
  const int descriptor = ::fileno(file);
  ASSERT_EQ(::write(descriptor, "before ", 7), 7);
  { PatientOutput(descriptor).write("after"); }
  ::lseek(descriptor, 0, SEEK_SET);
  EXPECT_EQ(read_all(descriptor), "before after");
  std::fclose(file);
}

}  // namespace
}  // namespace trireme::base
