#pragma once
// Feeds bytes to a RequestReader in pieces and writes down what comes out, one line for each step,
// so that two ways of feeding can be compared. The fuzz target uses it too.

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "accept/request_reader.hpp"

namespace lintas::accept::script {

inline std::string line_of(const RequestReader& reader) {
    const RawRequest& request = reader.request();
    std::string line = std::string{request.method} + " " + std::string{request.target};
    for (const HeaderView& header : request.headers)
        line += " " + std::string{header.name} + "=[" + std::string{header.value} + "]";
    if (!request.body.empty()) line += " body=[" + std::string{request.body} + "]";
    if (!reader.keep_alive()) line += " close";
    return line;
}

inline const char* name_of(Errc code) {
    switch (code) {
        case Errc::bad_http:
            return "bad_http";
        case Errc::target_too_long:
            return "target_too_long";
        case Errc::headers_too_large:
            return "headers_too_large";
        case Errc::body_too_large:
            return "body_too_large";
        default:
            return "unexpected";
    }
}

class Feed {
 public:
    explicit Feed(const ServerLimits& limits) : reader_{limits} {}

    void bytes(std::string_view text) {
        while (!text.empty() && !failed_) {
            const std::span<char> room = reader_.prepare();
            const std::size_t n = std::min(room.size(), text.size());
            std::memcpy(room.data(), text.data(), n);
            reader_.commit(n);
            text.remove_prefix(n);
            take();
        }
    }

    const std::vector<std::string>& lines() const { return lines_; }
    RequestReader& reader() { return reader_; }

 private:
    void take() {
        for (;;) {
            switch (reader_.next()) {
                case RequestReader::Step::need_more:
                    return;
                case RequestReader::Step::request:
                    lines_.push_back(line_of(reader_));
                    break;
                case RequestReader::Step::error: {
                    std::string line = name_of(reader_.error().code);
                    if (reader_.error_status() != 0)
                        line += " " + std::to_string(reader_.error_status());
                    lines_.push_back(line + ": " + reader_.error().details);
                    failed_ = true;
                    return;
                }
            }
        }
    }

    RequestReader reader_;
    std::vector<std::string> lines_;
    bool failed_ = false;
};

}  // namespace lintas::accept::script
