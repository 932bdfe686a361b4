// Recognises what can start MPI ranks: srun's plugins, mpirun and its support for Slurm.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace trireme::slurm {

/// Parses the answer of `srun --mpi=list`, which goes to either stream and has one of two forms ("srun: pmix" up to
/// 21.08, indented lines after). Returns "pmix", "pmix_v4", "pmi2" …, in order, without "none". Versions that are
/// listed on a line of their own ("specific pmix plugin versions available: pmix_v3,pmix_v4") are included.
std::vector<std::string> parse_mpi_types(const std::string& text);

/// Parses `mpirun --version`: "Open MPI 4.1.4", "MPICH 4.0.2", "Intel MPI 2021.6"; any other first line as it is.
std::string parse_mpirun_version(const std::string& text);

/// Whether `mpirun --version`, `ompi_info` or `prte_info` lists components that start daemons through Slurm. Nothing
/// when the text does not say (Open MPI 5's mpirun and ompi_info).
std::optional<bool> parse_slurm_support(const std::string& text);

}  // namespace trireme::slurm
