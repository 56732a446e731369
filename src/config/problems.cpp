#include "config/problems.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace lintas::config {

namespace {
constexpr std::size_t kLinesMax = 200;
}

std::string Origin::prefix(std::string_view key) const {
    const std::string named = key.empty() ? std::string{} : fmt::format("{}: ", key);
    switch (source) {
        case Source::file:
            if (line == 0) return fmt::format("{}: {}", name, named);
            return fmt::format("{}:{}: {}", name, line, named);
        case Source::environment:
            return fmt::format("{}: ", name);
        case Source::set:
            return key.empty() ? "--set: " : fmt::format("--set {}", named);
    }
    return named;
}

void Problems::add(const Origin& origin, std::string_view key, std::string_view what) {
    problems_.push_back({origin.source, origin.line, problems_.size(),
                         fmt::format("{}{}", origin.prefix(key), what)});
}

std::vector<std::string> Problems::lines() const {
    std::vector<Problem> sorted = problems_;
    std::ranges::sort(sorted, [](const Problem& a, const Problem& b) {
        return std::tie(a.source, a.line, a.nth) < std::tie(b.source, b.line, b.nth);
    });
    std::vector<std::string> lines;
    for (Problem& problem : sorted) {
        if (lines.size() == kLinesMax) {
            lines.push_back(fmt::format("and {} more problems", sorted.size() - kLinesMax));
            break;
        }
        lines.push_back(std::move(problem.text));
    }
    return lines;
}

}  // namespace lintas::config
