#pragma once
// Requests as the tables of these tests write them.

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http_message.hpp"
#include "parse/request.hpp"

namespace lintas::parse {

struct TestRequest {
    std::string method = "GET";
    std::string target = "/items";
    std::vector<HeaderView> headers{};
    std::string body{};

    RawRequest raw() const { return {method, target, headers, body, "127.0.0.1:1"}; }
};

inline ParseOptions test_options() {
    return {.schemas = {"public", "api"}, .nesting = 8, .filters = 16};
}

inline Result<Request> parsed(const TestRequest& request) {
    return parse_request(request.raw(), test_options());
}

inline Result<Request> parsed_query(std::string_view query) {
    return parsed({.target = "/items?" + std::string{query}});
}

/// A query that must parse.
inline Query query_of(std::string_view query) {
    Result<Request> request = parsed_query(query);
    INFO(query);
    if (!request) FAIL(request.error().message << " / " << request.error().details);
    return std::move(request->query);
}

inline Error error_of(const TestRequest& request) {
    const Result<Request> result = parsed(request);
    INFO(request.method << ' ' << request.target);
    REQUIRE_FALSE(result.has_value());
    return result.error();
}

inline Error query_error(std::string_view query) {
    return error_of({.target = "/items?" + std::string{query}});
}

/// The parts of a query as short text, so that a table can hold what is expected.
std::string shown(const Field& field);
std::string shown(const SelectItem& item);
std::string shown(const Filter& filter);
std::string shown(const Tree& tree);
std::string shown(const OrderTerm& term);

template <class T>
std::string shown(const std::vector<T>& items) {
    std::string out;
    for (const T& item : items) {
        if (!out.empty()) out += " | ";
        out += shown(item);
    }
    return out;
}

}  // namespace lintas::parse
