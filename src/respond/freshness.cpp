#include "respond/freshness.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "parse/request.hpp"

namespace lintas::respond {

namespace {

void set_cookie(Reply& reply, std::string_view value, std::string_view more, bool secure) {
    std::string cookie{parse::kPositionCookie};
    cookie += '=';
    // Cookies of others share the header's name and stay.
    const std::string prefix = cookie;
    std::erase_if(reply.headers, [&](const auto& h) {
        return header_name_equal(h.first, "Set-Cookie") && h.second.starts_with(prefix);
    });
    cookie += value;
    cookie += "; Path=/";
    cookie += more;
    cookie += "; HttpOnly; SameSite=Lax";
    if (secure) cookie += "; Secure";
    reply.add("Set-Cookie", std::move(cookie));
}

}  // namespace

void set_age(Reply& reply, std::chrono::nanoseconds behind) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(behind).count();
    reply.set("Age", std::to_string(std::max<decltype(seconds)>(seconds, 0)));
}

void set_position(Reply& reply, std::string_view token) {
    reply.set("Lintas-Position", std::string{token});
}

void set_cache_status(Reply& reply, CacheResult result, std::string_view detail) {
    std::string status = "lintas; ";
    switch (result) {
        case CacheResult::hit:
            status += "hit";
            break;
        case CacheResult::miss:
            status += "fwd=miss";
            break;
        case CacheResult::stale:
            status += "fwd=stale";
            break;
        case CacheResult::bypass:
            status += "fwd=bypass";
            break;
    }
    if (!detail.empty()) {
        status += "; detail=\"";
        status += detail;
        status += '"';
    }
    reply.set("Cache-Status", std::move(status));
}

void set_position_cookie(Reply& reply, std::string_view token, bool secure) {
    set_cookie(reply, token, "", secure);
}

void clear_position_cookie(Reply& reply, bool secure) {
    set_cookie(reply, "", "; Max-Age=0", secure);
}

}  // namespace lintas::respond
