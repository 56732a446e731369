#include <algorithm>
#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace lintas;
using namespace lintas::respond;
using namespace lintas::respond::test;
using parse::Media;
using parse::Method;
using parse::Preferences;
using Count = Preferences::Count;
using Return = Preferences::Return;

namespace {

Reply write(const parse::Request& request, primary::Outcome outcome, Media media = Media::json,
            const schema::Relation& written = relation(), const ReplyOptions& options = {}) {
    Result<Reply> reply = reply_to_write(request, written, media, std::move(outcome), options);
    if (!reply) FAIL(reply.error().message);
    return *reply;
}

}  // namespace

TEST_CASE("write: status, Content-Range and framing by method and return preference",
          "[unit][respond]") {
    struct Row {
        Method method;
        std::optional<Return> wanted;
        std::optional<Count> count;
        std::int64_t rows;
        int status;
        std::string range;
    };
    const auto row = GENERATE(values<Row>({
        {Method::post, {}, {}, 2, 201, "*/*"},
        {Method::post, Return::minimal, Count::exact, 2, 201, "*/2"},
        {Method::post, Return::headers_only, Count::estimated, 2, 201, "*/2"},
        {Method::post, Return::representation, Count::planned, 2, 201, "*/*"},
        {Method::post, Return::representation, Count::exact, 0, 201, "*/0"},
        {Method::patch, {}, {}, 3, 204, "0-2/*"},
        {Method::patch, Return::minimal, {}, 0, 204, "*/*"},
        {Method::patch, Return::representation, Count::exact, 3, 200, "0-2/3"},
        {Method::patch, Return::representation, Count::exact, 0, 200, "*/0"},
        {Method::patch, Return::headers_only, {}, 1, 204, "0-0/*"},
        {Method::del, {}, {}, 3, 204, "*/*"},
        {Method::del, Return::representation, Count::exact, 3, 200, "*/3"},
        {Method::put, {}, Count::exact, 1, 204, ""},
        {Method::put, Return::representation, {}, 1, 201, ""},
    }));
    parse::Request asked = request(row.method);
    asked.prefer.return_ = row.wanted;
    asked.prefer.count = row.count;
    const Reply reply = write(asked, outcome(row.rows, "[1]"));
    CHECK(reply.status == row.status);
    CHECK(reply.header("Content-Range") == row.range);
    const bool representation = row.wanted == Return::representation;
    CHECK(reply.header("Content-Type") ==
          (representation ? "application/json; charset=utf-8" : ""));
    CHECK(body_of(reply) == (representation ? "[1]" : ""));
    CHECK(reply.content_length == (row.status != 204));
    CHECK(reply.header("Location").empty());
}

TEST_CASE("write: an upsert that inserted nothing is 200", "[unit][respond]") {
    const auto status = [](Method method, std::optional<Preferences::Resolution> resolution,
                           bool any_inserted, bool has_key, bool names_target) {
        parse::Request asked = request(method);
        asked.prefer.resolution = resolution;
        asked.prefer.return_ = Return::representation;
        if (names_target) asked.query.on_conflict = {"name"};
        schema::Relation written = relation();
        if (!has_key) written.primary_key.clear();
        primary::Outcome answer = outcome(1);
        answer.any_inserted = any_inserted;
        return write(asked, answer, Media::json, written).status;
    };
    constexpr auto kMerge = Preferences::Resolution::merge_duplicates;
    constexpr auto kIgnore = Preferences::Resolution::ignore_duplicates;
    CHECK(status(Method::post, kMerge, true, true, false) == 201);
    CHECK(status(Method::post, kMerge, false, true, false) == 200);
    CHECK(status(Method::post, kMerge, false, false, true) == 200);
    CHECK(status(Method::post, kMerge, false, false, false) == 201);
    CHECK(status(Method::post, kIgnore, false, true, false) == 201);
    CHECK(status(Method::post, {}, false, true, false) == 201);
    CHECK(status(Method::put, {}, true, true, false) == 201);
    CHECK(status(Method::put, {}, false, true, false) == 200);
}

TEST_CASE("write: Location is the key, percent-encoded, for headers-only alone",
          "[unit][respond]") {
    schema::Relation written = relation();
    written.name = "my items";
    written.primary_key = {"id", "größe"};
    parse::Request asked = request(Method::post);
    asked.prefer.return_ = Return::headers_only;
    primary::Outcome answer = outcome(1, "");
    answer.key_values = {"a&b=c d/\r\n%", std::nullopt};
    const Reply reply = write(asked, answer, Media::json, written);
    CHECK(reply.header("Location") ==
          "/my%20items?id=eq.a%26b%3Dc%20d%2F%0D%0A%25&gr%C3%B6%C3%9Fe=is.null");
    CHECK(reply.status == 201);
    CHECK(reply.content_length);

    asked.prefer.return_ = Return::minimal;
    CHECK(write(asked, answer, Media::json, written).header("Location").empty());
    asked.prefer.return_ = Return::headers_only;
    answer.key_values.clear();
    CHECK(write(asked, answer, Media::json, written).header("Location").empty());
}

TEST_CASE("write: the row count refuses what the request forbids", "[unit][respond]") {
    const auto error = [](Method method, Media media, std::int64_t rows, bool strict,
                          std::optional<std::int64_t> limit) -> std::optional<Error> {
        parse::Request asked = request(method);
        if (strict) asked.prefer.handling = Preferences::Handling::strict;
        asked.prefer.max_affected = limit;
        const Result<Reply> reply = reply_to_write(asked, relation(), media, outcome(rows), {});
        if (reply) return std::nullopt;
        return reply.error();
    };
    CHECK(error(Method::post, Media::object, 2, false, {})->code == Errc::not_singular);
    CHECK(error(Method::del, Media::object_stripped, 0, false, {})->code == Errc::not_singular);
    CHECK_FALSE(error(Method::patch, Media::object, 1, false, {}));
    CHECK(error(Method::put, Media::json, 0, false, {})->code == Errc::put_key_mismatch);
    CHECK(error(Method::put, Media::object, 2, false, {})->code == Errc::put_key_mismatch);

    const std::optional<Error> affected = error(Method::patch, Media::json, 3, true, 2);
    REQUIRE(affected);
    CHECK(affected->code == Errc::max_affected);
    CHECK(affected->message == "Query result exceeds max-affected preference constraint");
    CHECK(affected->details == "The query affects 3 rows");
    CHECK(error(Method::del, Media::json, 3, true, 2)->code == Errc::max_affected);
    CHECK_FALSE(error(Method::del, Media::json, 2, true, 2));
    CHECK_FALSE(error(Method::del, Media::json, 3, false, 2));
    CHECK_FALSE(error(Method::post, Media::json, 3, true, 2));
}

TEST_CASE("write: preferences are echoed, resolution only where it can apply", "[unit][respond]") {
    parse::Request asked = request(Method::post);
    asked.prefer.resolution = Preferences::Resolution::merge_duplicates;
    asked.prefer.return_ = Return::minimal;
    CHECK(write(asked, outcome(1)).header("Preference-Applied") ==
          "resolution=merge-duplicates, return=minimal");
    schema::Relation keyless = relation();
    keyless.primary_key.clear();
    CHECK(write(asked, outcome(1), Media::json, keyless).header("Preference-Applied") ==
          "return=minimal");
}

TEST_CASE("response control: headers replace, repeat and are checked", "[unit][respond]") {
    const auto reply_with = [](std::string headers) {
        primary::Outcome answer = outcome(1);
        answer.response_headers = std::move(headers);
        return reply_to_read(request(), Media::json, std::move(answer), {});
    };
    const Result<Reply> good = reply_with(
        R"([{"Set-Cookie":"a=1"},{"vary":"Accept"},{"Set-Cookie":"b=2"},{"Content-Type":"image/png"}])");
    REQUIRE(good);
    CHECK(good->header("Vary") == "Accept");
    CHECK(good->header("Content-Type") == "image/png");
    std::vector<std::string> cookies;
    for (const auto& [name, value] : good->headers) {
        if (name == "Set-Cookie") cookies.push_back(value);
    }
    CHECK(cookies == std::vector<std::string>{"a=1", "b=2"});
    CHECK(std::count_if(good->headers.begin(), good->headers.end(), [](const auto& h) {
              return header_name_equal(h.first, "Content-Type");
          }) == 1);
    CHECK(reply_with("[]"));

    for (const char* bad :
         {"x", "{}", R"([1])", R"([{}])", R"([{"a":"b","c":"d"}])", R"([{"a":1}])",
          R"([{"a":null}])", R"([{"a b":"c"}])", R"([{"":"c"}])", R"([{"a":"b\r\nSet-Cookie: c"}])",
          R"([{"a\r\nb":"c"}])", R"([{"a":"\u0000"}])", R"([{"Content-Length":"0"}])",
          R"([{"transfer-encoding":"chunked"}])", R"([{"Connection":"close"}])"}) {
        CAPTURE(bad);
        const Result<Reply> reply = reply_with(bad);
        REQUIRE_FALSE(reply);
        CHECK(reply.error().code == Errc::bad_response_headers);
    }
}

TEST_CASE("response control: a status of SQL is framed as what it is", "[unit][respond]") {
    struct Row {
        std::string status;
        std::optional<Return> wanted;
        int expected;
        bool length;
        bool typed;
    };
    const auto row = GENERATE(values<Row>({
        {"200", {}, 200, true, false},
        {"205", {}, 205, true, false},
        {"204", Return::representation, 204, false, false},
        {"205", Return::representation, 205, true, false},
        {"304", Return::representation, 304, false, false},
        {"418", Return::representation, 418, true, true},
    }));
    parse::Request asked = request(Method::patch);
    asked.prefer.return_ = row.wanted;
    primary::Outcome answer = outcome(1, "[1]");
    answer.response_status = row.status;
    const Reply reply = write(asked, answer);
    CHECK(reply.status == row.expected);
    CHECK(reply.content_length == row.length);
    CHECK(reply.header("Content-Type").empty() != row.typed);
    CHECK(body_of(reply) == (row.typed ? "[1]" : ""));
}

TEST_CASE("response control: no other text is a status", "[unit][respond]") {
    for (const char* bad : {"abc", "20x", " 200", "-200", "100", "199", "600", "99999999999"}) {
        CAPTURE(bad);
        primary::Outcome answer = outcome(1);
        answer.response_status = bad;
        const Result<Reply> reply =
            reply_to_write(request(Method::post), relation(), Media::json, std::move(answer), {});
        REQUIRE_FALSE(reply);
        CHECK(reply.error().code == Errc::bad_response_status);
    }
}
