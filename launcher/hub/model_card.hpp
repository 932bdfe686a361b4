// README.md of an exported model: what it is, what it was trained on, and what may be done with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace trireme::launcher {

/// What the card says; an empty text or list, or a 0, is not known and is left out.
struct CardFacts {
  std::string name;         ///< of the model
  std::string parent;       ///< the model that the training began with
  std::string parent_card;  ///< the parent's README.md; its licence is kept, its text is not
  std::string arch;         ///< family
  std::uint64_t parameters = 0;
  std::int64_t sequence = 0;
  std::int64_t vocabulary = 0;
  std::int64_t step = 0;                                      ///< 0: it was not trained here
  std::vector<std::string> datasets;                          ///< names
  std::vector<std::pair<std::string, std::string>> training;  ///< "learning rate", "0.0003 (cosine)"
  std::vector<std::pair<std::string, std::string>> metrics;   ///< "validation loss", "2.31 at step 100"
  std::string program;                                        ///< "trireme 0.9.0"
};

/// What the front matter of a parent's card says of its licence: its lines license, license_name and license_link.
std::vector<std::string> licence_lines(const std::string& card);

/// The text: front matter that hubs read, then Markdown.
std::string model_card(const CardFacts& facts);

}  // namespace trireme::launcher
