#include "base/file_system_name.hpp"

#include <sys/vfs.h>

#include <cstdio>

namespace trireme::base {
namespace {

struct Known {
  std::uint32_t magic;
  const char* name;
};

// Numbers from linux/magic.h and from the file systems' own documentation.
constexpr Known kKnown[] = {
    {0xEF53, "ext"},          {0x58465342, "xfs"},     {0x9123683E, "btrfs"}, {0x01021994, "tmpfs"},
    {0x858458F6, "ramfs"},    {0x794C7630, "overlay"}, {0x6969, "nfs"},       {0x0BD00BD0, "lustre"},
    {0x47504653, "gpfs"},     {0x19830326, "beegfs"},  {0x00C36400, "ceph"},  {0x65735546, "fuse"},
    {0x01021997, "9p"},       {0x2FC12FC1, "zfs"},     {0xFF534D42, "cifs"},  {0x6A656A63, "virtiofs"},
    {0x73717368, "squashfs"}, {0xAAD7AAEA, "panfs"},   {0x7461636F, "ocfs2"}, {0x01161970, "gfs2"},
    {0x62656572, "sysfs"},    {0x9FA0, "proc"},
};

}  // namespace

std::string file_system_name(std::uint32_t magic) {
  for (const Known& known : kKnown) {
    if (known.magic == magic) return known.name;
  }
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", magic);
  return text;
}

std::string file_system_of(const std::filesystem::path& path) {
  struct statfs facts {};
  if (::statfs(path.c_str(), &facts) != 0) return "none";
  return file_system_name(static_cast<std::uint32_t>(facts.f_type));
}

}  // namespace trireme::base
