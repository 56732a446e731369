#include "base/http_message.hpp"

#include <algorithm>

namespace lintas {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool header_name_equal(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view RawRequest::header(std::string_view name) const {
    for (const HeaderView& h : headers) {
        if (header_name_equal(h.name, name)) return h.value.data() ? h.value : std::string_view{""};
    }
    return {};
}

Body Body::of(std::string text) {
    const auto kept = std::make_shared<const std::string>(std::move(text));
    return Body{{std::string_view{*kept}}, kept};
}

std::size_t Body::size() const {
    std::size_t total = 0;
    for (const std::string_view piece : pieces) total += piece.size();
    return total;
}

void Reply::set(std::string_view name, std::string value) {
    std::erase_if(headers, [&](const auto& h) { return header_name_equal(h.first, name); });
    add(name, std::move(value));
}

void Reply::add(std::string_view name, std::string value) {
    headers.emplace_back(std::string{name}, std::move(value));
}

std::string_view Reply::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (header_name_equal(key, name)) return value;
    }
    return {};
}

std::string ready_lines(const Reply& reply) {
    std::string lines;
    for (const auto& [name, value] : reply.headers) {
        const bool frames = header_name_equal(name, "Date") ||
                            header_name_equal(name, "Connection") ||
                            header_name_equal(name, "Content-Length") ||
                            header_name_equal(name, "Transfer-Encoding");
        const bool splits =
            (name + value).find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos;
        if (frames || splits || name.empty()) continue;
        lines += name;
        lines += ": ";
        lines += value;
        lines += "\r\n";
    }
    return lines;
}

}  // namespace lintas
