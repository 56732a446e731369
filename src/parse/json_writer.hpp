#pragma once
// JSON strings for bodies that were not sent as JSON.

#include <boost/json/serializer.hpp>

#include <array>
#include <string>
#include <string_view>

namespace lintas::parse {

/// Appends to a text; one serializer and one buffer serve all strings of a body.
class JsonWriter {
 public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    void raw(std::string_view text) { out_ += text; }
    void raw(char c) { out_ += c; }
    void string(std::string_view text) {
        serializer_.reset(boost::json::string_view{text.data(), text.size()});
        while (!serializer_.done()) {
            const auto piece = serializer_.read(buffer_.data(), buffer_.size());
            out_.append(piece.data(), piece.size());
        }
    }

 private:
    std::string& out_;
    boost::json::serializer serializer_{};
    std::array<char, 1024> buffer_{};
};

}  // namespace lintas::parse
