// Reads the site file: the facts of a cluster and what jobs need there (docs/site.md).
#pragma once

#include <string>

#include "slurm/site/site.hpp"

namespace trireme::options {

/// Reads INI text that slurm::to_ini() or a person wrote; keys that are missing keep their defaults. `origin` names the
/// text in messages. Throws base::InputError in one sentence: unknown section or key (naming the nearest), a key given
/// twice, a value that cannot be read.
slurm::Site parse_site(const std::string& text, const std::string& origin);

/// Does the same for a file. Throws base::InputError when it is unreadable.
slurm::Site load_site_file(const std::string& path);

}  // namespace trireme::options
