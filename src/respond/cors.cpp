#include <algorithm>

#include "respond/fields.hpp"

namespace lintas::respond {

namespace {

// Upstream's list, then the headers of CONTRACT section 3.
constexpr std::string_view kExposed =
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, "
    "Transfer-Encoding, Range-Unit, Lintas-Position, Lintas-Source, Age, Cache-Status, ETag, "
    "Idempotency-Replayed, Retry-After, Preference-Applied, X-Request-Id";

// With a list the answer depends on Origin, also when there is none, which a shared cache has to
// know.
void vary_by_origin(Reply& reply) {
    const std::string_view vary = reply.header("Vary");
    if (vary.empty()) {
        reply.set("Vary", "Origin");
    } else if (vary != "*" && vary.find("Origin") == std::string_view::npos) {
        reply.set("Vary", std::string{vary} + ", Origin");
    }
}

// False: the origin is not on the list. It is served, and the browser keeps the answer from the
// page.
bool allow_origin(const RawRequest& raw, const std::vector<std::string>& origins, Reply& reply) {
    if (origins.empty()) {
        reply.set("Access-Control-Allow-Origin", "*");
        return true;
    }
    vary_by_origin(reply);
    const std::string_view origin = raw.header("Origin");
    if (std::ranges::find(origins, origin) == origins.end()) {
        std::erase_if(reply.headers, [](const auto& h) {
            return header_name_equal(h.first, "Access-Control-Allow-Origin");
        });
        return false;
    }
    reply.set("Access-Control-Allow-Origin", std::string{origin});
    reply.set("Access-Control-Allow-Credentials", "true");
    return true;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::string allowed_headers(std::string_view requested) {
    std::string allowed = "Authorization";
    while (!requested.empty()) {
        const std::size_t comma = requested.find(',');
        const std::string_view name = trimmed(requested.substr(0, comma));
        requested =
            comma == std::string_view::npos ? std::string_view{} : requested.substr(comma + 1);
        if (!is_token(name)) continue;
        allowed += ", ";
        allowed += name;
    }
    allowed += ", Accept, Accept-Language, Content-Language";
    return allowed;
}

}  // namespace

bool is_preflight(const RawRequest& raw) {
    return raw.method == "OPTIONS" && raw.has_header("Origin") &&
           raw.has_header("Access-Control-Request-Method");
}

Reply reply_to_preflight(const RawRequest& raw, const std::vector<std::string>& origins) {
    Reply reply;
    if (!allow_origin(raw, origins, reply)) return reply;
    reply.add("Access-Control-Allow-Methods", "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
    reply.add("Access-Control-Allow-Headers",
              allowed_headers(raw.header("Access-Control-Request-Headers")));
    reply.add("Access-Control-Max-Age", "86400");
    return reply;
}

void add_cors(const RawRequest& raw, const std::vector<std::string>& origins, Reply& reply) {
    if (!raw.has_header("Origin")) {
        if (!origins.empty()) vary_by_origin(reply);
        return;
    }
    if (allow_origin(raw, origins, reply)) {
        reply.set("Access-Control-Expose-Headers", std::string{kExposed});
    }
}

}  // namespace lintas::respond
