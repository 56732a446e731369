#include <fmt/format.h>

#include "parse/body.hpp"
#include "parse/headers.hpp"
#include "parse/utf8.hpp"

namespace lintas::parse {

namespace {

Result<Payload> payload_of_type(std::string_view type, std::string_view body, bool columns_given,
                                std::size_t max_depth) {
    if (type.empty() || type == "application/json") {
        return columns_given ? payload_from_unparsed_json(body, max_depth)
                             : payload_from_json(body, max_depth);
    }
    if (type == "text/csv") return payload_from_csv(body);
    if (type == "application/x-www-form-urlencoded") return payload_from_urlencoded(body);
    return fail(Errc::bad_body, fmt::format("Content-Type not acceptable: {}", printable(type)));
}

}  // namespace

Result<void> parse_payload(const RawRequest& raw, Request& request, std::size_t max_depth) {
    const bool writes = request.method == Method::post || request.method == Method::patch ||
                        request.method == Method::put;
    if (!writes) return {};
    const bool columns_given = request.query.columns && request.method != Method::put;
    Result<Payload> payload = payload_of_type(media_type_of(raw.header("Content-Type")), raw.body,
                                              columns_given, max_depth);
    if (!payload) return fail(std::move(payload).error());
    request.payload = *std::move(payload);
    return {};
}

}  // namespace lintas::parse
