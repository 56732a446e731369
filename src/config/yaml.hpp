#pragma once
// YAML text → a plain tree with line numbers. It keeps what YAML::Node hides (duplicate keys) and
// refuses what can blow up or surprise (anchors, aliases, tags, several documents).

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace lintas::config {

struct YamlNode {
    enum class Kind { null, scalar, list, map };
    Kind kind = Kind::null;
    int line = 1;        // 1-based
    std::string text{};  // scalar
    std::vector<YamlNode>
        children{};     // list and map; in the order of the file, duplicates included
    std::string key{};  // a child of a map
    int key_line = 1;
};

struct YamlError {
    int line = 1;
    std::string what;  // never quotes the text
};

inline constexpr std::size_t kYamlDepthMax = 16;
inline constexpr std::size_t kYamlNodesMax = 20000;

/// An empty text is a null node. Never throws.
std::expected<YamlNode, YamlError> parse_yaml(std::string_view text);

}  // namespace lintas::config
