#include "respond/validators.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "replies.hpp"

using namespace lintas;
using namespace lintas::respond;
using namespace lintas::respond::test;

namespace {

Reply items(std::string body = R"([{"id":1}])") {
    Reply reply;
    reply.add("Content-Range", "0-0/*");
    reply.add("Content-Location", "/items?id=eq.1");
    reply.add("Content-Type", "application/json; charset=utf-8");
    reply.add("Vary", "Accept, Prefer, Range");
    reply.body = Body::of(std::move(body));
    return reply;
}

Reply tagged() {
    Reply reply = items();
    add_entity_tag(reply);
    return reply;
}

parse::EntityTags tags(std::vector<std::string> list) {
    return {.any = false, .tags = std::move(list)};
}

}  // namespace

TEST_CASE("etag: 22 characters of base64url in quotes, the same on every host", "[unit][respond]") {
    CHECK(entity_tag(items()) == "\"7dcVvnQvhIRNr0_XifpWCA\"");
    CHECK(entity_tag(Reply{}) == "\"LAqKmdwUfVRFw7SdA1Zlsg\"");
}

TEST_CASE("etag: depends on body, type and range, and on nothing else", "[unit][respond]") {
    const std::string tag = entity_tag(items());
    std::set<std::string> seen{tag};
    const auto changed = [&](auto change) {
        Reply reply = items();
        change(reply);
        return seen.insert(entity_tag(reply)).second;
    };
    CHECK(changed([](Reply& r) { r.body = Body::of(R"([{"id":2}])"); }));
    CHECK(changed([](Reply& r) { r.body = Body{}; }));
    CHECK(changed([](Reply& r) { r.set("Content-Type", "text/csv; charset=utf-8"); }));
    CHECK(changed([](Reply& r) { r.set("Content-Range", "0-0/1"); }));
    CHECK(changed([](Reply& r) {
        r.set("Content-Type", "application/json; charset=utf-80");
        r.set("Content-Range", "-0/*");
    }));

    Reply same = items();
    same.status = 206;
    same.set("Lintas-Position", "p");
    same.set("Age", "3");
    same.set("Vary", "*");
    CHECK(entity_tag(same) == tag);
}

TEST_CASE("etag: the pieces of a body do not matter", "[unit][respond]") {
    std::string body;
    for (int i = 0; i < 2000; ++i) body += std::to_string(i);
    const std::string whole = entity_tag(items(body));
    for (const std::size_t cut :
         {std::size_t{0}, std::size_t{1}, std::size_t{255}, std::size_t{1024}, body.size()}) {
        Reply reply = items();
        const std::string_view view{body};
        reply.body = Body{{view.substr(0, cut), {}, view.substr(cut)}, nullptr};
        CHECK(entity_tag(reply) == whole);
    }
}

TEST_CASE("etag: is added to a success that has its body, and only once", "[unit][respond]") {
    struct Row {
        int status;
        bool content_length;
        std::string etag;
        std::string expected;
    };
    const std::string tag = entity_tag(items());
    const auto row = GENERATE_COPY(values<Row>({
        {200, true, "", tag},
        {206, true, "", tag},
        {200, false, "", ""},  // HEAD
        {201, true, "", ""},
        {404, true, "", ""},
        {416, true, "", ""},
        {200, true, "W/\"sql\"", "W/\"sql\""},
    }));
    Reply reply = items();
    reply.status = row.status;
    reply.content_length = row.content_length;
    if (!row.etag.empty()) reply.add("ETag", row.etag);
    add_entity_tag(reply);
    CHECK(reply.header("ETag") == row.expected);
    const std::size_t headers = reply.headers.size();
    add_entity_tag(reply);
    CHECK(reply.headers.size() == headers);
}

TEST_CASE("304: keeps what a cache updates and what lintas says", "[unit][respond]") {
    Reply full = tagged();
    full.close = true;
    full.add("Cache-Control", "no-transform");
    full.add("lintas-position", "p");
    full.add("Lintas-Source", "memory");
    full.add("Age", "2");
    full.add("Cache-Status", "lintas; hit");
    full.add("Content-Profile", "api");
    full.add("Preference-Applied", "count=exact");
    full.add("Set-Cookie", "a=b");
    full.add("Set-Cookie", "lintas-position=p");
    full.add("X-Other", "1");
    const std::optional<Reply> reply =
        not_modified(tags({"\"other\"", std::string{full.header("ETag")}}), full);
    REQUIRE(reply.has_value());
    CHECK(reply->status == 304);
    CHECK_FALSE(reply->content_length);
    CHECK(reply->close);
    CHECK(reply->body.size() == 0);
    std::vector<std::string> names;
    for (const auto& [name, value] : reply->headers) {
        names.push_back(name);
        CHECK_FALSE(value.empty());
    }
    CHECK(names == std::vector<std::string>{"Content-Location", "Vary", "ETag", "Cache-Control",
                                            "lintas-position", "Lintas-Source", "Age",
                                            "Cache-Status", "Content-Profile", "Set-Cookie",
                                            "Set-Cookie"});
    CHECK(reply->header("ETag") == full.header("ETag"));
}

TEST_CASE("304: only for a match of a success with a tag", "[unit][respond]") {
    const Reply full = tagged();
    const std::string tag{full.header("ETag")};
    CHECK(not_modified({.any = true}, full).has_value());
    CHECK_FALSE(not_modified(tags({"\"other\""}), full).has_value());
    CHECK_FALSE(not_modified(tags({}), full).has_value());
    CHECK_FALSE(not_modified({.any = true}, items()).has_value());
    Reply error = tagged();
    error.status = 404;
    CHECK_FALSE(not_modified({.any = true}, error).has_value());

    Reply weak = items();
    weak.add("ETag", "W/" + tag);
    CHECK(not_modified(tags({tag}), weak).has_value());
}

TEST_CASE("412: a read whose If-Match does not hold", "[unit][respond]") {
    Reply full = tagged();
    full.add("Lintas-Position", "p");
    full.add("Age", "2");
    const std::string tag{full.header("ETag")};
    CHECK_FALSE(precondition_failed({.any = true}, full).has_value());
    CHECK_FALSE(precondition_failed(tags({"\"other\"", tag}), full).has_value());
    CHECK_FALSE(precondition_failed(tags({"\"other\""}), items()).has_value());
    Reply error = tagged();
    error.status = 416;
    CHECK_FALSE(precondition_failed(tags({}), error).has_value());

    for (const auto& wanted : {tags({"\"other\""}), tags({})}) {
        const std::optional<Reply> reply = precondition_failed(wanted, full);
        REQUIRE(reply.has_value());
        CHECK(reply->status == 412);
        CHECK(body_of(*reply).starts_with("{\"code\":\"HTTP412\","));
        CHECK(reply->header("Lintas-Position") == "p");
        CHECK(reply->header("Age") == "2");
        CHECK(reply->header("Content-Location").empty());
        CHECK(reply->header("Content-Range").empty());
    }

    Reply weak = items();
    weak.add("ETag", "W/" + tag);
    CHECK(precondition_failed(tags({tag}), weak).has_value());
}
