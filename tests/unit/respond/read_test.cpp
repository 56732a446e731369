#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace lintas;
using namespace lintas::respond;
using namespace lintas::respond::test;
using Count = parse::Preferences::Count;
using parse::Media;
using parse::Method;

namespace {

Reply read(const parse::Request& request, primary::Outcome outcome, Media media = Media::json,
           const ReplyOptions& options = {}) {
    Result<Reply> reply = reply_to_read(request, media, std::move(outcome), options);
    if (!reply) FAIL(reply.error().message);
    return *reply;
}

}  // namespace

TEST_CASE("read: Content-Range and status follow window, rows and total", "[unit][respond]") {
    struct Row {
        std::int64_t offset;
        std::int64_t rows;
        std::optional<std::int64_t> total;
        int status;
        std::string range;
    };
    const auto row = GENERATE(values<Row>({
        {0, 15, {}, 200, "0-14/*"},
        {0, 0, {}, 200, "*/*"},
        {5, 2, {}, 200, "5-6/*"},
        {100, 0, {}, 200, "*/*"},
        {0, 15, 15, 200, "0-14/15"},
        {0, 2, 15, 206, "0-1/15"},
        {13, 2, 15, 206, "13-14/15"},
        {15, 0, 15, 206, "*/15"},
        {16, 0, 15, 416, "*/15"},
        {0, 0, 0, 200, "*/0"},
        {0, 0, 15, 206, "*/15"},
        {0, 1, 0, 200, "*/0"},
        {1, 0, 0, 416, "*/0"},
    }));
    parse::Request asked = request();
    asked.window.offset = row.offset;
    if (row.total) asked.prefer.count = Count::exact;
    primary::Outcome answer = outcome(row.rows, "[1]");
    answer.total = row.total;
    const Reply reply = read(asked, answer);
    CHECK(reply.status == row.status);
    CHECK(reply.header("Content-Range") == row.range);
    CHECK(reply.content_length);
    if (row.status != 416) CHECK(body_of(reply) == "[1]");
}

TEST_CASE("read: beyond the end is an error body that keeps its Content-Range", "[unit][respond]") {
    parse::Request asked = request();
    asked.window.offset = 100;
    asked.prefer.count = Count::exact;
    primary::Outcome answer = outcome(0);
    answer.total = 15;
    const Reply reply = read(asked, answer, Media::csv);
    CHECK(reply.header("Content-Type") == "application/json; charset=utf-8");
    CHECK(
        body_of(reply) ==
        R"({"code":"PGRST103","details":"An offset of 100 was requested, but there are only 15 rows.",)"
        R"("hint":null,"message":"Requested range not satisfiable"})");
    asked.method = Method::head;
    const Reply head = read(asked, answer);
    CHECK(head.status == 416);
    CHECK(body_of(head).empty());
    CHECK_FALSE(head.content_length);
}

TEST_CASE("read: a total that nobody asked for is not told", "[unit][respond]") {
    primary::Outcome answer = outcome(1);
    answer.total = 9;
    answer.planned = 8;
    CHECK(read(request(), answer).header("Content-Range") == "0-0/*");
}

TEST_CASE("read: planned and estimated totals", "[unit][respond]") {
    struct Row {
        Count count;
        std::optional<std::int64_t> total;
        std::optional<std::int64_t> planned;
        std::optional<std::int64_t> max_rows;
        std::string range;
    };
    const auto row = GENERATE(values<Row>({
        {Count::planned, {}, 40, {}, "0-1/40"},
        {Count::planned, {}, {}, {}, "0-1/*"},
        {Count::estimated, 11, 40, 10, "0-1/40"},
        {Count::estimated, 11, 4, 10, "0-1/11"},
        {Count::estimated, 10, 40, 10, "0-1/10"},
        {Count::estimated, 3, 40, {}, "0-1/40"},
        {Count::estimated, 50, 40, {}, "0-1/50"},
        {Count::estimated, 50, {}, {}, "0-1/50"},
        {Count::estimated, {}, 40, {}, "0-1/40"},
    }));
    parse::Request asked = request();
    asked.prefer.count = row.count;
    primary::Outcome answer = outcome(2);
    answer.total = row.total;
    answer.planned = row.planned;
    CHECK(read(asked, answer, Media::json, {.max_rows = row.max_rows}).header("Content-Range") ==
          row.range);
}

TEST_CASE("read: Content-Type of every media type", "[unit][respond]") {
    struct Row {
        Media media;
        std::string type;
    };
    const auto row = GENERATE(values<Row>({
        {Media::json, "application/json; charset=utf-8"},
        {Media::json_stripped, "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"},
        {Media::object, "application/vnd.pgrst.object+json; charset=utf-8"},
        {Media::object_stripped, "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"},
        {Media::csv, "text/csv; charset=utf-8"},
    }));
    CHECK(read(request(), outcome(1), row.media).header("Content-Type") == row.type);
}

TEST_CASE("read: where it is, how it varies, and whose schema it was", "[unit][respond]") {
    parse::Request asked = request();
    Reply reply = read(asked, outcome(1));
    CHECK(reply.header("Content-Location") == "/items");
    CHECK(reply.header("Vary") == "Accept, Prefer, Range");
    CHECK(reply.header("Content-Profile").empty());
    CHECK(reply.header("Preference-Applied").empty());

    asked.query.canonical = "id=eq.1&select=id";
    asked.relation = "a b\r\n\xC3\xA9";
    asked.profile_given = true;
    asked.prefer.count = Count::exact;
    reply = read(asked, outcome(1));
    CHECK(reply.header("Content-Location") == "/a%20b%0D%0A%C3%A9?id=eq.1&select=id");
    CHECK(reply.header("Content-Profile") == "api");
    CHECK(reply.header("Preference-Applied") == "count=exact");
    asked.profile_given = false;
    CHECK(read(asked, outcome(1), Media::json, {.exposed_schemas = 2}).header("Content-Profile") ==
          "api");
}

TEST_CASE("read: HEAD keeps the headers and sends no length", "[unit][respond]") {
    const Reply reply = read(request(Method::head), outcome(3, ""));
    CHECK(reply.status == 200);
    CHECK(reply.header("Content-Range") == "0-2/*");
    CHECK(reply.header("Content-Type") == "application/json; charset=utf-8");
    CHECK_FALSE(reply.content_length);
    CHECK(reply.body.size() == 0);
}

TEST_CASE("read: one object needs one row", "[unit][respond]") {
    for (const Media media : {Media::object, Media::object_stripped}) {
        CHECK(read(request(), outcome(1, "{}"), media).status == 200);
        for (const std::int64_t rows : {0, 2}) {
            const Result<Reply> reply = reply_to_read(request(), media, outcome(rows), {});
            REQUIRE_FALSE(reply);
            CHECK(reply.error().code == Errc::not_singular);
            CHECK(reply.error().message == "Cannot coerce the result to a single JSON object");
            CHECK(reply.error().details == "The result contains " + std::to_string(rows) + " rows");
        }
    }
}

TEST_CASE("read: the body's pieces are passed on as they are", "[unit][respond]") {
    static constexpr std::string_view kPiece = "[1]";
    primary::Outcome answer;
    answer.page = 1;
    answer.body.pieces = {kPiece};
    const Reply reply = read(request(), answer);
    REQUIRE(reply.body.pieces.size() == 1);
    CHECK(reply.body.pieces[0].data() == kPiece.data());
}

TEST_CASE("source: is set once", "[unit][respond]") {
    Reply reply;
    set_source(reply, "primary");
    set_source(reply, "replica;name=r1");
    REQUIRE(reply.headers.size() == 1);
    CHECK(reply.header("Lintas-Source") == "replica;name=r1");
}
