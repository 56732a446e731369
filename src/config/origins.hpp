#pragma once
// Remembers where each value came from, so that a check across several keys can still name a line.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "config/problems.hpp"

namespace lintas::config {

class Origins {
 public:
    explicit Origins(std::string file) : file_(std::move(file)) {}

    void set(std::string_view path, Origin origin) {
        failed_.erase(std::string{path});
        by_path_.insert_or_assign(std::string{path}, std::move(origin));
    }
    void set_failed(std::string_view path, Origin origin) {
        set(path, std::move(origin));
        failed_.emplace(path);
    }

    /// A value was given and refused: nothing more needs to be said about it.
    bool failed(std::string_view path) const { return failed_.contains(path); }
    bool given(std::string_view path) const { return by_path_.contains(path); }

    /// Of the key, else of the nearest section above it that was written, else the file's first
    /// line.
    Origin of(std::string_view path) const {
        while (true) {
            if (const auto found = by_path_.find(path); found != by_path_.end()) {
                return found->second;
            }
            const std::size_t dot = path.rfind('.');
            if (dot == std::string_view::npos) return {Source::file, file_, 1};
            path = path.substr(0, dot);
        }
    }

 private:
    std::string file_;
    std::map<std::string, Origin, std::less<>> by_path_;
    std::set<std::string, std::less<>> failed_;
};

}  // namespace lintas::config
