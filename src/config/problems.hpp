#pragma once
// Every mistake in a configuration is collected and shown at once, each with the place it came
// from.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lintas::config {

enum class Source { file, environment, set };  // in the order they are reported and overridden

/// Where a value was written. `name` is the file's path, the variable's name, or empty for --set.
struct Origin {
    Source source = Source::file;
    std::string name{};
    int line = 0;  // 1-based; 0: the file as a whole

    /// "FILE:LINE: key: ", "LINTAS__A__B: " or "--set key: ", ready to be followed by what is
    /// wrong.
    std::string prefix(std::string_view key) const;
};

/// Texts never hold the value of a secret: whoever adds a problem quotes nothing it has not
/// checked.
class Problems {
 public:
    void add(const Origin& origin, std::string_view key, std::string_view what);

    bool empty() const { return problems_.empty(); }
    std::size_t size() const { return problems_.size(); }

    /// One line per problem: the file's by line, then the environment's, then --set's. At most 200
    /// lines and one that counts the rest, so that a wrong file does not flood the terminal.
    std::vector<std::string> lines() const;

 private:
    struct Problem {
        Source source;
        int line;
        std::size_t nth;  // the order of arrival, among those of one line
        std::string text;
    };
    std::vector<Problem> problems_;
};

}  // namespace lintas::config
