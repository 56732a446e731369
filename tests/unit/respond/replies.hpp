#pragma once
// Requests, outcomes and the bytes of a reply, for the tests of this folder.

#include <string>
#include <utility>

#include "respond/reply.hpp"

namespace lintas::respond::test {

inline std::string body_of(const Reply& reply) {
    std::string body;
    for (const std::string_view piece : reply.body.pieces) body += piece;
    return body;
}

inline parse::Request request(parse::Method method = parse::Method::get) {
    parse::Request result;
    result.method = method;
    result.relation = "items";
    result.schema = "api";
    return result;
}

inline schema::Relation relation() {
    schema::Relation result;
    result.schema = "api";
    result.name = "items";
    result.primary_key = {"id"};
    return result;
}

inline primary::Outcome outcome(std::int64_t page, std::string body = "[]") {
    primary::Outcome result;
    result.page = page;
    result.body = Body::of(std::move(body));
    return result;
}

}  // namespace lintas::respond::test
