// Says what Trireme's reader finds in a safetensors file, for safetensors_library_test.py. For each word PATH: one
// line, "good" and the header as our writer writes it in hex, or "bad" and the message.
#include <cstdio>
#include <string>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "io/safetensors/file.hpp"

int main(int argc, char** argv) {
  trireme::base::PosixFileSystem files;
  for (int i = 1; i < argc; ++i) {
    try {
      const auto opened = trireme::safetensors::open_file(files, argv[i]);
      std::printf("good ");
      for (const unsigned char byte : trireme::safetensors::header_bytes(opened.header)) std::printf("%02x", byte);
      std::printf("\n");
    } catch (const trireme::base::Error& error) {
      std::printf("bad %s\n", trireme::base::printable(error.what()).c_str());
    }
  }
}
