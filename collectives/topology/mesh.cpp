#include "collectives/topology/mesh.hpp"

#include "base/error.hpp"

namespace trireme::topology {

namespace {

int degree_along(const Degrees& degrees, Axis axis) {
  switch (axis) {
    case Axis::kTensor: return degrees.tp;
    case Axis::kContext: return degrees.cp;
    case Axis::kData: return degrees.dp;
    case Axis::kPipeline: return degrees.pp;
  }
  throw base::Error("unknown mesh axis");
}

int& coordinate_along(Coordinates& at, Axis axis) {
  switch (axis) {
    case Axis::kTensor: return at.tp;
    case Axis::kContext: return at.cp;
    case Axis::kData: return at.dp;
    case Axis::kPipeline: return at.pp;
  }
  throw base::Error("unknown mesh axis");
}

/// The difference between the ranks of two neighbours along `axis`.
int stride_along(const Degrees& degrees, Axis axis) {
  switch (axis) {
    case Axis::kTensor: return 1;
    case Axis::kContext: return degrees.tp;
    case Axis::kData: return degrees.tp * degrees.cp;
    case Axis::kPipeline: return degrees.tp * degrees.cp * degrees.dp;
  }
  throw base::Error("unknown mesh axis");
}

}  // namespace

const char* name_of(Axis axis) {
  switch (axis) {
    case Axis::kTensor: return "tp";
    case Axis::kContext: return "cp";
    case Axis::kData: return "dp";
    case Axis::kPipeline: return "pp";
  }
  return "?";
}

Mesh::Mesh(Degrees degrees) : degrees_(degrees) {
  for (const Axis axis : {Axis::kTensor, Axis::kContext, Axis::kData, Axis::kPipeline}) {
    const int degree = degree_along(degrees, axis);
    if (degree < 1) {
      throw base::InputError(
          base::str("parallel.", name_of(axis), " is ", degree, " but every degree must be at least 1"));
    }
  }
}

Coordinates Mesh::coordinates(int rank) const {
  if (rank < 0 || rank >= size()) {
    throw base::Error(base::str("rank ", rank, " is outside the mesh of ", size(), " ranks"));
  }
  Coordinates at;
  at.tp = rank % degrees_.tp;
  rank /= degrees_.tp;
  at.cp = rank % degrees_.cp;
  rank /= degrees_.cp;
  at.dp = rank % degrees_.dp;
  at.pp = rank / degrees_.dp;
  return at;
}

int Mesh::rank(Coordinates at) const {
  for (const Axis axis : {Axis::kTensor, Axis::kContext, Axis::kData, Axis::kPipeline}) {
    const int coordinate = coordinate_along(at, axis);
    if (coordinate < 0 || coordinate >= degree_along(degrees_, axis)) {
      throw base::Error(base::str("coordinate ", coordinate, " along ", name_of(axis), " is outside the degree ",
                                  degree_along(degrees_, axis)));
    }
  }
  return ((at.pp * degrees_.dp + at.dp) * degrees_.cp + at.cp) * degrees_.tp + at.tp;
}

std::vector<int> Mesh::group(int rank, Axis axis) const {
  Coordinates at = coordinates(rank);
  std::vector<int> ranks;
  for (int i = 0; i < degree_along(degrees_, axis); ++i) {
    coordinate_along(at, axis) = i;
    ranks.push_back(this->rank(at));
  }
  return ranks;
}

int Mesh::group_index(int rank, Axis axis) const {
  // The rank's digits in mixed radix, without this axis's digit.
  coordinates(rank);
  const int stride = stride_along(degrees_, axis);
  const int block = stride * degree_along(degrees_, axis);
  return rank / block * stride + rank % stride;
}

std::string to_string(const Degrees& degrees) {
  std::string text;
  const auto add = [&](const char* name, int degree) {
    if (degree == 1) return;
    if (!text.empty()) text += "·";
    text += name + std::to_string(degree);
  };
  add("tp", degrees.tp);
  add("cp", degrees.cp);
  add("pp", degrees.pp);
  add("dp", degrees.dp);
  return text.empty() ? "1 rank" : text;
}

}  // namespace trireme::topology
