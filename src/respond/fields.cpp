#include "respond/fields.hpp"

#include <algorithm>
#include <array>

namespace lintas::respond {

std::string_view content_type_of(parse::Media media) {
    switch (media) {
        case parse::Media::json:
            return kJsonType;
        case parse::Media::json_stripped:
            return "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8";
        case parse::Media::object:
            return "application/vnd.pgrst.object+json; charset=utf-8";
        case parse::Media::object_stripped:
            return "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8";
        case parse::Media::csv:
            return "text/csv; charset=utf-8";
    }
    return kJsonType;
}

bool is_token(std::string_view text) {
    constexpr std::string_view kSymbols = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kSymbols.find(c) != std::string_view::npos;
    });
}

bool is_field_value(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    });
}

bool belongs_to_server(std::string_view name) {
    constexpr std::array<std::string_view, 8> kNames{
        "Connection", "Content-Length",    "Date",    "Keep-Alive",
        "Trailer",    "Transfer-Encoding", "Upgrade", "TE",
    };
    return std::ranges::any_of(
        kNames, [&](std::string_view mine) { return header_name_equal(mine, name); });
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                                c == '~';
        if (unreserved) {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += kHex[byte >> 4U];
        encoded += kHex[byte & 15U];
    }
    return encoded;
}

std::string content_range(std::int64_t lower, std::int64_t rows,
                          std::optional<std::int64_t> total) {
    std::string range;
    if (rows > 0 && total != 0) {
        range += std::to_string(lower);
        range += '-';
        range += std::to_string(lower + rows - 1);
    } else {
        range += '*';
    }
    range += '/';
    if (total) {
        range += std::to_string(*total);
    } else {
        range += '*';
    }
    return range;
}

void add_dialect_fields(const parse::Request& request, bool upsert_possible,
                        const ReplyOptions& options, Reply& reply) {
    if (request.profile_given || options.exposed_schemas > 1) {
        reply.add("Content-Profile", request.schema);
    }
    std::string applied = parse::preference_applied(request, upsert_possible, options.tx_allowed);
    if (!applied.empty()) reply.add("Preference-Applied", std::move(applied));
}

void frame(Reply& reply, bool is_head) {
    const bool no_content = reply.status == 204 || reply.status == 304;
    if (is_head || no_content || reply.status == 205) reply.body = Body{};
    if (no_content || reply.status == 205) {
        std::erase_if(reply.headers,
                      [](const auto& h) { return header_name_equal(h.first, "Content-Type"); });
    }
    reply.content_length = !is_head && !no_content;
}

void set_source(Reply& reply, std::string_view source) {
    reply.set("Lintas-Source", std::string{source});
}

}  // namespace lintas::respond
