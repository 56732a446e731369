#include <algorithm>

#include "parse/headers.hpp"

namespace lintas::parse {

namespace {

constexpr std::size_t kTagsMax = 64;

// etagc of RFC 9110 section 8.8.3. A backslash is an ordinary one: there is no escaping.
bool is_tag_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x21 || (byte >= 0x23 && byte != 0x7F);
}

// The end of the opaque tag that begins `text`, quotes included; 0: there is none.
std::size_t opaque_end(std::string_view text) {
    if (!text.starts_with('"')) return 0;
    std::size_t at = 1;
    while (at < text.size() && is_tag_character(text[at])) ++at;
    return at < text.size() && text[at] == '"' ? at + 1 : 0;
}

// False: malformed. `seen` counts what was kept and what was not.
bool read_list(std::string_view list, Comparison comparison, std::size_t& seen, EntityTags& out) {
    for (;;) {
        list = without_blanks(list);
        if (list.empty()) return true;
        if (!list.starts_with(',')) {
            if (++seen > kTagsMax || out.any) return false;
            if (list.starts_with('*')) {
                if (seen > 1) return false;
                out.any = true;
                list.remove_prefix(1);
            } else {
                const bool weak = list.starts_with("W/");
                if (weak) list.remove_prefix(2);
                const std::size_t end = opaque_end(list);
                if (end == 0) return false;
                if (!weak || comparison == Comparison::weak) {
                    out.tags.emplace_back(list.substr(0, end));
                }
                list.remove_prefix(end);
            }
            list = without_blanks(list);
            if (list.empty()) return true;
            if (!list.starts_with(',')) return false;
        }
        list.remove_prefix(1);
    }
}

}  // namespace

Result<EntityTags> parse_entity_tags(const RawRequest& raw, std::string_view name,
                                     Comparison comparison) {
    EntityTags tags;
    std::size_t seen = 0;
    bool readable = true;
    for (const HeaderView& header : raw.headers) {
        if (!header_name_equal(header.name, name)) continue;
        readable = readable && read_list(header.value, comparison, seen, tags);
    }
    if (!readable || seen == 0) {
        return malformed_header(name, "* or 1 to 64 entity tags in double quotes");
    }
    return tags;
}

bool matches_weakly(const EntityTags& wanted, std::string_view etag) {
    if (etag.starts_with("W/")) etag.remove_prefix(2);
    if (etag.empty()) return false;
    return wanted.any || std::ranges::find(wanted.tags, etag) != wanted.tags.end();
}

bool matches_strongly(const EntityTags& wanted, std::string_view etag) {
    return matches_weakly(wanted, etag) && (wanted.any || !etag.starts_with("W/"));
}

}  // namespace lintas::parse
