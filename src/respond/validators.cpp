#include "respond/validators.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

// Everything of the library is inline, so that nothing of it is linked.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "respond/reply.hpp"

namespace lintas::respond {

namespace {

std::string base64url(const unsigned char* bytes, std::size_t count) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (std::size_t i = 0; i < count; ++i) {
        bits = (bits << 8U) | bytes[i];
        for (held += 8; held >= 6; held -= 6) text += kDigits[(bits >> (held - 6)) & 63U];
    }
    if (held > 0) text += kDigits[(bits << (6 - held)) & 63U];
    return text;
}

// With its length, so that a header's end cannot pass for the next one's beginning.
void add_field(XXH3_state_t& state, std::string_view value) {
    const auto size = static_cast<std::uint32_t>(value.size());
    const std::array<unsigned char, 4> length{
        static_cast<unsigned char>(size), static_cast<unsigned char>(size >> 8U),
        static_cast<unsigned char>(size >> 16U), static_cast<unsigned char>(size >> 24U)};
    XXH3_128bits_update(&state, length.data(), length.size());
    XXH3_128bits_update(&state, value.data(), value.size());
}

bool is_success(const Reply& reply) {
    return reply.status == 200 || reply.status == 206;
}

// True of any answer about these rows, whatever the condition makes of it.
bool tells_position(std::string_view name) {
    constexpr std::string_view kOurs = "Lintas-";
    constexpr std::array<std::string_view, 3> kNames{"Age", "Cache-Status", "Set-Cookie"};
    return header_name_equal(name.substr(0, kOurs.size()), kOurs) ||
           std::ranges::any_of(
               kNames, [&](std::string_view kept) { return header_name_equal(name, kept); });
}

bool belongs_to_304(std::string_view name) {
    constexpr std::array<std::string_view, 6> kNames{
        "ETag", "Content-Location", "Vary", "Cache-Control", "Expires", "Content-Profile"};
    return tells_position(name) || std::ranges::any_of(kNames, [&](std::string_view kept) {
               return header_name_equal(name, kept);
           });
}

}  // namespace

std::string entity_tag(const Reply& reply) {
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    add_field(state, reply.header("Content-Type"));
    add_field(state, reply.header("Content-Range"));
    for (const std::string_view piece : reply.body.pieces) {
        XXH3_128bits_update(&state, piece.data(), piece.size());
    }
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(&state));
    std::string tag = "\"";
    tag += base64url(bytes.digest, sizeof bytes.digest);
    tag += '"';
    return tag;
}

void add_entity_tag(Reply& reply) {
    if (!is_success(reply) || !reply.content_length || !reply.header("ETag").empty()) return;
    reply.add("ETag", entity_tag(reply));
}

std::optional<Reply> not_modified(const parse::EntityTags& if_none_match, const Reply& full) {
    if (!is_success(full)) return std::nullopt;
    if (!parse::matches_weakly(if_none_match, full.header("ETag"))) return std::nullopt;
    Reply reply;
    reply.status = 304;
    reply.content_length = false;
    reply.close = full.close;
    for (const auto& [name, value] : full.headers) {
        if (belongs_to_304(name)) reply.add(name, value);
    }
    return reply;
}

std::optional<Reply> precondition_failed(const parse::EntityTags& if_match, const Reply& full) {
    const std::string_view etag = full.header("ETag");
    if (!is_success(full) || etag.empty() || parse::matches_strongly(if_match, etag)) {
        return std::nullopt;
    }
    Reply reply = reply_to_error(Error{Errc::precondition_failed, {}}, false);
    reply.close = full.close;
    for (const auto& [name, value] : full.headers) {
        if (tells_position(name)) reply.add(name, value);
    }
    return reply;
}

}  // namespace lintas::respond
