#pragma once
// The two values that cross the border between accept/ and everything behind it.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lintas {

struct HeaderView {
    std::string_view name;   // as sent
    std::string_view value;  // without the blanks around it
};

/// One complete request. All views point into the session's buffer and live until the reply is
/// taken.
struct RawRequest {
    std::string_view method;              // as sent, "GET"
    std::string_view target;              // as sent, "/items?id=eq.1"
    std::span<const HeaderView> headers;  // in the order they came
    std::string_view body;
    std::string_view peer;  // "127.0.0.1:51234"

    /// The first header of that name, names compared without case; empty view with nullptr data if
    /// absent.
    std::string_view header(std::string_view name) const;
    bool has_header(std::string_view name) const { return header(name).data() != nullptr; }
};

/// Compares header names as RFC 9110 section 5.1 does: ASCII letters without case.
bool header_name_equal(std::string_view a, std::string_view b);

/// A body is a list of pieces that are sent one after the other, without being copied together;
/// `keep` owns what they point to (a PGresult, a string).
struct Body {
    std::vector<std::string_view> pieces;
    std::shared_ptr<const void> keep;

    static Body of(std::string text);
    static Body literal(std::string_view text) { return Body{{text}, nullptr}; }  // static storage
    std::size_t size() const;
};

struct Reply {
    int status = 200;
    std::vector<std::pair<std::string, std::string>>
        headers{};  // without Date, Content-Length, Connection
    /// Header lines as they are sent, of an answer that is given many times; header() and set() do
    /// not know them. Made by ready_lines().
    std::shared_ptr<const std::string> ready{};
    Body body{};
    /// HEAD, 204 and 304 send no body; a HEAD and a 204 send no Content-Length either.
    bool content_length = true;
    bool close = false;  // close the connection after this reply

    void set(std::string_view name, std::string value);  // replaces all of that name
    void add(std::string_view name, std::string value);
    std::string_view header(std::string_view name) const;
};

/// "Name: value\r\n" of every header but those that frame the message.
std::string ready_lines(const Reply& reply);

}  // namespace lintas
